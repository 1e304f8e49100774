//! What the server says while the lab runs.

use api::lab::InputInfo;
use api::line::{InvalidField, Line};
use api::run::{FromRun, ToRun};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::conclusion::{Conclusion, stopped};
use super::link::{Link, Requests};
use super::{SAID_NOTHING, process};

/// Time the lab's code has to return once its input has ended because the reader pressed 停止.
const FAREWELL: Duration = Duration::from_millis(250);

/// Forwards input and line changes, and ends the run when asked to.
pub(super) struct Attendant {
    pub(super) link: Arc<Link>,
    pub(super) conclusion: Arc<Conclusion>,
    pub(super) input: Option<InputInfo>,
    pub(super) inputs: mpsc::Sender<String>,
}

impl Attendant {
    /// Runs on a thread of its own until the process ends.
    pub(super) fn attend(self, mut requests: Requests) {
        loop {
            let refused = match requests.next() {
                Ok(Some(ToRun::Input { text })) => self.input(text),
                Ok(Some(ToRun::Line { host, line })) => self.set_line(&host, line),
                Ok(Some(ToRun::Stop)) => break,
                // The server checks what it forwards; a second start or nonsense is its defect.
                Ok(Some(ToRun::Start { .. })) | Err(_) => Err(refusal("type", "运行中不接受这样的消息")),
                Ok(None) => process::leave(SAID_NOTHING),
            };
            if let Err(InvalidField { field, message }) = refused {
                self.link.send(FromRun::Refused { field, message });
            }
        }
        self.conclusion.stop_wanted();
        // Labs that read input see its end now and may say goodbye to their peers.
        drop(self.inputs);
        std::thread::sleep(FAREWELL);
        self.conclusion.conclude(stopped());
    }

    fn input(&self, text: String) -> Result<(), InvalidField> {
        let Some(input) = &self.input else {
            return Err(refusal("text", "这个实验不接受输入"));
        };
        let max = usize::try_from(input.max_length).unwrap_or(usize::MAX);
        if text.chars().nth(max).is_some() {
            return Err(refusal("text", &format!("一行最多 {max} 个字符")));
        }
        self.inputs.try_send(text).map_err(|error| match error {
            TrySendError::Full(_) => refusal("text", "实验还没有读完之前的输入，请稍候再发"),
            TrySendError::Closed(_) => refusal("text", "实验已经不再读取输入"),
        })
    }

    fn set_line(&self, host: &str, line: Line) -> Result<(), InvalidField> {
        line.validate()?;
        match &*self.conclusion.control() {
            Some(control) => control.set_line(host, line),
            None => Err(refusal("host", "运行正在结束")),
        }
    }
}

fn refusal(field: &str, message: &str) -> InvalidField {
    InvalidField { field: field.into(), message: message.into() }
}
