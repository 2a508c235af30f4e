//! `export_driver!`: the one line that makes a crate with a `Driver` a plugin.

/// Exports a driver from a crate of type `cdylib`.
///
/// Takes the driver's type, which must be `Default`, or an expression that makes it:
///
/// ```text
/// driver_api::export_driver!(MyDriver);
/// driver_api::export_driver!(MyDriver::with_cache(16) => MyDriver);
/// ```
///
/// A panic in any method, in the constructor or in `drop` becomes an error of class
/// [`Panic`](crate::ErrorClass::Panic), and the connection that panicked is not used again. The
/// crate must be built with `panic = "unwind"`, which is the default.
#[macro_export]
macro_rules! export_driver {
    ($driver:ty) => {
        $crate::export_driver!(<$driver as ::core::default::Default>::default() => $driver);
    };
    ($make:expr => $driver:ty) => {
        const _: () = {
            use $crate::abi::abi_stable::library::{
                __call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult,
            };
            use $crate::abi::abi_stable::std_types::RResult;
            use $crate::abi::types::{DriverModuleRef, ErrorBytes, RawDriverBox};

            extern "C" fn open() -> RResult<RawDriverBox, ErrorBytes> {
                $crate::abi::plugin::open(|| -> $driver { $make })
            }

            fn module() -> DriverModuleRef {
                $crate::abi::plugin::module(open)
            }

            extern "C" fn root() -> RootModuleResult {
                __call_root_module_loader(module)
            }

            // SAFETY: the symbol's name is abi_stable's own and exported once a library; `root`
            // answers a `DriverModuleRef`, which is the type that is named here.
            #[allow(unsafe_code, reason = "the one exported symbol of a plugin")]
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            pub static ROOT: LibHeader = unsafe {
                LibHeader::from_constructor::<DriverModuleRef>(root, CheckTypeLayout::Yes)
            };
        };
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_name_is_the_one_that_the_host_looks_for() {
        let source = include_str!("export.rs");
        let expected = format!("export_name = \"{}\"", crate::abi::host::ROOT_SYMBOL);
        assert!(source.contains(&expected), "{expected}");
    }
}
