//! Parts of the wasm of their own, fetched when they are needed.

use crate::pauses::Pauses;
use leptos::task::spawn_local;

/// A part did not come: the network failed, or the site was built anew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotHere;

#[cfg(all(feature = "hydrate", feature = "split"))]
impl From<leptos::wasm_split::SplitLoaderError> for NotHere {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

/// Makes a function, and all that only it names, a part of the wasm of its own where the build splits that (feature
/// `split` and `cargo leptos … --split`), else just a function. Its future ends with [`NotHere`] if the part does not
/// come. (Leptos' own `#[lazy]` panics then, and with it all that the page's wasm does.)
macro_rules! split_off {
    ($(#[$about:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty $body:block) => {
        $(#[$about])*
        #[cfg(all(feature = "hydrate", feature = "split"))]
        #[leptos::wasm_split::wasm_split($name, wasm_split_path = ::leptos::wasm_split, fallible)]
        $vis fn $name($($arg: $type),*) -> Result<$out, $crate::split::NotHere> {
            Ok($body)
        }

        $(#[$about])*
        #[cfg(not(all(feature = "hydrate", feature = "split")))]
        $vis async fn $name($($arg: $type),*) -> Result<$out, $crate::split::NotHere> {
            Ok($body)
        }
    };
}
pub(crate) use split_off;

/// Asks for a part until it is there, and then does something with what it gives.
pub(crate) fn fetch<T: 'static, F>(part: impl Fn() -> F + 'static, then: impl FnOnce(T) + 'static)
where
    F: Future<Output = Result<T, NotHere>> + 'static,
{
    spawn_local(async move {
        let mut pauses = Pauses::default();
        loop {
            match part().await {
                Ok(it) => return then(it),
                Err(NotHere) => pauses.wait().await,
            }
        }
    });
}
