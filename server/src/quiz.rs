//! `POST /quiz/{part}/{chapter}/{id}`: judges an answer. Nothing is remembered.
//!
//! JSON ([`Given`]) is answered with JSON ([`Verdict`]); a form, posted where the wasm does not run, with a page.

use api::quiz::{Form, Given, Verdict};
use axum::extract::{FromRequest as _, Path, Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use book::{PartId, Question};
use http::{StatusCode, header};

use crate::respond::problem;
use crate::state::State;

pub(crate) async fn post(
    Shared(state): Shared<State>,
    Path((part, chapter, id)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let edition = state.library.now();
    let part = PartId::ALL.into_iter().find(|known| known.slug() == part);
    let Some(question) = part.and_then(|part| edition.site.book.question(part, &chapter, &id)) else {
        return problem(StatusCode::NOT_FOUND, "没有这道题");
    };
    let headers = request.headers().clone();
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim() {
        "application/json" => {
            let given = match axum::Json::<Given>::from_request(request, &()).await {
                Ok(axum::Json(given)) => given,
                Err(rejection) => return refused(rejection.status()),
            };
            let Some(verdict) = question.judge(&given) else {
                return refused(StatusCode::UNPROCESSABLE_ENTITY);
            };
            ([(header::CACHE_CONTROL, "no-store")], axum::Json(verdict)).into_response()
        }
        "application/x-www-form-urlencoded" => {
            let fields = match axum::Form::<Fields>::from_request(request, &()).await {
                Ok(axum::Form(fields)) => fields,
                Err(rejection) => return refused(rejection.status()),
            };
            let Some(verdict) = posted(question, &fields) else {
                return refused(StatusCode::UNPROCESSABLE_ENTITY);
            };
            let answered = app::Answered { question: question.clone(), verdict };
            match state.pages.answered(&edition, answered).await {
                Ok(page) => page.respond(&headers),
                Err(error) => {
                    tracing::error!(?error, "an answer cannot be rendered");
                    problem(StatusCode::INTERNAL_SERVER_ERROR, "这一页暂时打不开，请稍后再试")
                }
            }
        }
        _ => problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "答案应当是 JSON 或表单"),
    }
}

/// Names and values of a form, in their order.
type Fields = Vec<(String, String)>;

/// `status`: what the extractor said; only the length of a body is told apart from what is in it.
fn refused(status: StatusCode) -> Response {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => problem(status, "答案太长"),
        _ => problem(StatusCode::UNPROCESSABLE_ENTITY, "这不是这道题的答案"),
    }
}

/// What a form says. Without a choice or a number it is a wrong answer, not a mistake of the page.
fn posted(question: &Question, fields: &Fields) -> Option<Verdict> {
    let all = |name: &'static str| fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value);
    if all("reveal").next().is_some() {
        return question.judge(&Given::Reveal);
    }
    let numbers = |name| all(name).filter_map(|value| value.trim().parse::<u32>().ok()).collect::<Vec<u32>>();
    let given = match question.asked().form {
        Form::Single { .. } | Form::Several { .. } => Given::Chosen(numbers("choice")),
        Form::Short => Given::Text(all("text").next().cloned().unwrap_or_default()),
        Form::Order { .. } => Given::Order(order(&numbers("place"))),
        Form::Predict(_) => Given::Number(
            all("number").next().and_then(|value| value.trim().parse().ok()).unwrap_or(f64::NAN),
        ),
    };
    question.judge(&given)
}

/// Items by the place chosen for each. Two at one place are no order.
fn order(places: &[u32]) -> Vec<u32> {
    let mut items: Vec<(u32, u32)> = places.iter().copied().zip(0..).collect();
    items.sort_unstable();
    if items.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
        return Vec::new();
    }
    items.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_make_an_order() {
        assert_eq!(order(&[2, 0, 1]), [1, 2, 0]);
        assert!(order(&[0, 0, 1]).is_empty());
    }
}
