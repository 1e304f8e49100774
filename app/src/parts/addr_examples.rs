//! Addresses read on the server, beside the island: what a reader without scripts sees.

use leptos::prelude::*;

use crate::islands::addr_parse::reading::Reading;
use crate::islands::late::{LateIsland, LateWidget};

const EXAMPLES: [&str; 12] = [
    "127.0.0.1",
    "0.0.0.0:0",
    "192.168.1.5:8080",
    "127.1",
    "127.0.0.01",
    "::1",
    "[::1]:80",
    "fe80::1:8080",
    "[fe80::1%3]:8080",
    "[fe80::1%eth0]:8080",
    "::ffff:10.0.0.1",
    "localhost:80",
];

#[component]
pub fn AddrParseWidget() -> impl IntoView {
    let mark = |result: &str| if result.starts_with("Ok") { "✓ 收下" } else { "✗ 拒绝" };
    let rows = EXAMPLES.map(|text| {
        let reading = Reading::of(text);
        let kind =
            reading.facts.as_ref().and_then(|facts| facts.kinds.first()).copied().unwrap_or(reading.why);
        view! {
            <tr>
                <th scope="row"><code>{text}</code></th>
                <td>{mark(&reading.ip)}</td>
                <td>{mark(&reading.socket)}</td>
                <td>{kind}</td>
            </tr>
        }
    });
    view! {
        <section class="addr-widget" aria-label="地址解析">
            <p class="bench-title"><span aria-hidden="true">"试"</span>"标准库怎样读一个地址"</p>
            <LateIsland island=LateWidget::AddrParse/>
            <details class="addr-examples">
                <summary>"十二个例子"</summary>
                <div class="table" role="group" aria-label="地址解析的例子" tabindex="0">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">"写法"</th>
                                <th scope="col"><code>"IpAddr"</code></th>
                                <th scope="col"><code>"SocketAddr"</code></th>
                                <th scope="col">"种类，或者为什么不行"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        </section>
    }
}
