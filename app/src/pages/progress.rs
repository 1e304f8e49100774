//! `/progress`: what this device remembers of the reader.

use leptos::prelude::*;

use crate::Site;
use crate::islands::late::{LateIsland, LateWidget};
use crate::parts::mark;
use crate::parts::page::Page;

#[component]
pub fn ProgressPage() -> impl IntoView {
    let site = expect_context::<Site>();
    let plans = mark::plans(&site.book);
    view! {
        <Page title="学习进度" description="读过哪些节，跑过哪些实验，答对哪些题：只记在这台设备上。" path="/progress" class="progress-page">
            <div class="prose">
                <h1>"学习进度"</h1>
                <p class="chapter-summary">"读过哪些节，跑过哪些实验，答对哪些题。"</p>
                <p>
                    "这些只记在这个浏览器的本地存储里：没有账号，不用 cookie，也不会发给服务器。换一台设备，或者要清理浏览器的数据，请先导出成文件。答题时，答案要送到服务器核对，服务器不保存。"
                </p>
                <p>
                    "一节的末尾出现过、并且在屏幕上停留了几秒，就算读过；实验跑到正常结束，就算跑过。"
                </p>
                <noscript><p>"浏览器关掉了脚本，所以这里没有记录。"</p></noscript>
            </div>
            <LateIsland island=LateWidget::Progress(plans)/>
        </Page>
    }
}
