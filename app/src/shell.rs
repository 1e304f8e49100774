//! The HTML document around every page, and the routes.

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{ParamSegment, StaticSegment};

use crate::pages::chapter::{GuideChapter, ReferenceChapter};
use crate::pages::glossary::Glossary;
use crate::pages::home::Home;
use crate::pages::lab::Lab;
use crate::pages::labs::Labs;
use crate::pages::not_found::NotFound;
use crate::pages::progress::ProgressPage;
use crate::pages::quiz::QuizAnswer;
use crate::pages::trace::TraceReplay;

/// The document. Scripts are files or carry a hash in the content security policy; there is no inline style.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="zh-Hans">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <script src="/theme.js"></script>
                <HashedStylesheet id="leptos" options=options.clone()/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <script src="/copy.js" defer></script>
                <AutoReload options=options.clone()/>
                <HydrationScripts options=options islands=true/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// All pages. Needs [`crate::Site`] as a context, and [`crate::SavedTrace`] for `/traces/{id}`.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=NotFound>
                <Route path=StaticSegment("") view=Home/>
                <Route path=StaticSegment("labs") view=Labs/>
                <Route path=(StaticSegment("labs"), ParamSegment("slug")) view=Lab/>
                <Route path=(StaticSegment("guide"), ParamSegment("chapter")) view=GuideChapter/>
                <Route path=(StaticSegment("reference"), ParamSegment("chapter")) view=ReferenceChapter/>
                <Route path=StaticSegment("glossary") view=Glossary/>
                <Route path=StaticSegment("progress") view=ProgressPage/>
                <Route path=(StaticSegment("quiz"), ParamSegment("part"), ParamSegment("chapter"), ParamSegment("id")) view=QuizAnswer/>
                <Route path=(StaticSegment("traces"), ParamSegment("id")) view=TraceReplay/>
            </Routes>
        </Router>
    }
}
