//! What this plugin needs of optplug.h, in Rust. Offsets are asserted at the end.

use core::ffi::{c_char, c_void, CStr};

pub const OK: i32 = 0;
pub const GRANULARITY_ELEMENT: u32 = 0;
pub const CAPABILITY_FLOAT32: u64 = 0x1;
pub const CAPABILITY_FLOAT64: u64 = 0x2;
pub const CAPABILITY_GRADIENT_SCALE: u64 = 0x4;
pub const CAPABILITY_JOINED_PARAMETERS: u64 = 0x10;
pub const ROLE_FIRST_MOMENT: u32 = 1;
pub const SHAPE_AS_PARAMETER: u32 = 0;
pub const DTYPE_AS_PARAMETER: u8 = 255;
pub const INITIAL_ZERO: u32 = 0;

#[repr(C)]
pub struct Span {
    pub data: *const c_void,
    pub count: u32,
    pub stride: u32,
}

#[repr(C)]
pub struct DType {
    pub code: u8,
    pub bits: u8,
    pub lanes: u16,
}

#[repr(C)]
pub struct Hyperparameter {
    name: *const c_char,
    doc: *const c_char,
    choices: *const *const c_char,
    default_value: f64,
    min_value: f64,
    max_value: f64,
    kind: u32,
    flags: u32,
}

impl Hyperparameter {
    pub const fn float(name: &'static CStr, doc: &'static CStr, default_value: f64, min: f64, max: f64) -> Self {
        Self {
            name: name.as_ptr(),
            doc: doc.as_ptr(),
            choices: core::ptr::null(),
            default_value,
            min_value: min,
            max_value: max,
            kind: 0,
            flags: 0,
        }
    }
}

#[repr(C)]
pub struct Slot {
    pub struct_size: u32,
    pub role: u32,
    pub name: *const c_char,
    pub dims: *const i64,
    pub ndim: u32,
    pub shape_rule: u32,
    pub dtype: DType,
    pub initial: u32,
    pub initial_value: f64,
}

#[repr(C)]
pub struct Segment {
    pub parameter: *mut c_void,
    pub gradient: *const c_void,
    pub slots: *const *mut c_void,
    pub offset: i64,
    pub count: i64,
    pub parameter_step: i64,
    pub parameter_index: u32,
    pub group_index: u32,
}

/// The frame up to the last member that is read here.
#[repr(C)]
pub struct Frame {
    pub struct_size: u32,
    pub flags: u32,
    pub step: u64,
    pub pass: u32,
    pub phase: u32,
    pub segments: Span,
    pub parameters: Span,
    pub hyperparameters: *const *const f64,
    pub children: *const *const Frame,
    pub dtype: DType,
    pub reserved0: u32,
    pub device: [i32; 2],
    pub stream: *mut c_void,
    pub gradient_scale: f64,
}

/// The plan up to the last member that is called here.
#[repr(C)]
pub struct Plan {
    pub struct_size: u32,
    pub group_count: u32,
    pub parameters: Span,
    pub hyperparameters: *const *const f64,
    pub host_data: *mut c_void,
    pub add_slot: unsafe extern "C" fn(*const Plan, u32, *const Slot, *mut u32) -> i32,
}

type Unused = Option<unsafe extern "C" fn()>;

#[repr(C)]
pub struct Optimizer {
    pub struct_size: u32,
    pub granularity: u32,
    pub granularity_block: u32,
    pub state_version: u32,
    pub capabilities: u64,
    pub name: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub url: *const c_char,
    pub hyperparameters: Span,
    pub base_roles: *const *const c_char,
    pub base_count: u32,
    pub reserved0: u32,
    pub plugin_data: *mut c_void,
    pub create: Unused,
    pub destroy: Unused,
    pub plan: Option<unsafe extern "C" fn(*mut c_void, *const Plan, *mut c_void) -> i32>,
    pub step: Option<unsafe extern "C" fn(*const c_void, *const Frame, *mut c_void) -> i32>,
    pub check: Unused,
    pub get_extension: Unused,
    pub route: Unused,
    pub decide: Unused,
}

impl Optimizer {
    /// An optimizer of which nothing is said yet.
    pub const EMPTY: Self = Self {
        struct_size: 0,
        granularity: 0,
        granularity_block: 0,
        state_version: 0,
        capabilities: 0,
        name: core::ptr::null(),
        version: core::ptr::null(),
        summary: core::ptr::null(),
        url: core::ptr::null(),
        hyperparameters: Span { data: core::ptr::null(), count: 0, stride: 0 },
        base_roles: core::ptr::null(),
        base_count: 0,
        reserved0: 0,
        plugin_data: core::ptr::null_mut(),
        create: None,
        destroy: None,
        plan: None,
        step: None,
        check: None,
        get_extension: None,
        route: None,
        decide: None,
    };
}

#[repr(C)]
pub struct Library {
    pub struct_size: u32,
    pub abi_minor_built: u32,
    pub abi_minor_required: u32,
    pub optimizer_count: u32,
    pub optimizers: *const *const Optimizer,
    pub get_extension: Unused,
}

/// Constant data with pointers in it, which any thread may read.
#[repr(transparent)]
pub struct Shared<T>(pub T);

unsafe impl<T> Sync for Shared<T> {}
unsafe impl Sync for Hyperparameter {}
unsafe impl Sync for Optimizer {}
unsafe impl Sync for Library {}

const _: () = {
    assert!(size_of::<Span>() == 16 && size_of::<DType>() == 4 && size_of::<Hyperparameter>() == 56);
    assert!(size_of::<Slot>() == 48 && size_of::<Optimizer>() == 160 && size_of::<Library>() == 32);
    assert!(core::mem::offset_of!(Segment, group_index) == 52);
    assert!(core::mem::offset_of!(Frame, gradient_scale) == 96 && core::mem::offset_of!(Plan, add_slot) == 40);
};
