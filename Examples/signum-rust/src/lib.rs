//! Signum: steps by the sign of a momentum.
//! Bernstein et al. 2018, Algorithm 2, <https://arxiv.org/abs/1802.04434>:
//!
//! ```text
//! m <- beta m + (1 - beta) g
//! p <- p - lr (sign(m) + weight_decay p)
//! ```
#![no_std]

mod abi;

use abi::*;
use core::ffi::{c_char, c_void};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

const LR: usize = 0;
const BETA: usize = 1;
const WEIGHT_DECAY: usize = 2;

static SETTINGS: [Hyperparameter; 3] = [
    Hyperparameter::float(c"lr", c"Step size.", 1e-4, 0.0, f64::INFINITY),
    Hyperparameter::float(c"beta", c"Decay of the momentum.", 0.9, 0.0, 1.0),
    Hyperparameter::float(c"weight_decay", c"A step shrinks each weight by lr times this.", 0.0, 0.0, f64::INFINITY),
];

unsafe extern "C" fn plan(_: *mut c_void, plan: *const Plan, _: *mut c_void) -> i32 {
    let slot = Slot {
        struct_size: size_of::<Slot>() as u32,
        role: ROLE_FIRST_MOMENT,
        name: c"exp_avg".as_ptr(),
        dims: core::ptr::null(),
        ndim: 0,
        shape_rule: SHAPE_AS_PARAMETER,
        dtype: DType { code: DTYPE_AS_PARAMETER, bits: 0, lanes: 1 },
        initial: INITIAL_ZERO,
        initial_value: 0.0,
    };
    for parameter in 0..(*plan).parameters.count {
        let mut index = 0;
        let status = ((*plan).add_slot)(plan, parameter, &slot, &mut index);
        if status != OK {
            return status;
        }
    }
    OK
}

macro_rules! define_update {
    ($name:ident, $real:ty) => {
        unsafe fn $name(piece: &Segment, values: *const f64, scale: f64) {
            let (lr, scale) = (*values.add(LR) as $real, scale as $real);
            let (kept, share) = (*values.add(BETA) as $real, (1.0 - *values.add(BETA)) as $real);
            let decay = *values.add(WEIGHT_DECAY) as $real;
            let count = piece.count as usize;
            let p = core::slice::from_raw_parts_mut(piece.parameter as *mut $real, count);
            let m = core::slice::from_raw_parts_mut(*piece.slots as *mut $real, count);
            let g = core::slice::from_raw_parts(piece.gradient as *const $real, count);
            for ((p, m), g) in p.iter_mut().zip(m).zip(g) {
                *m = kept * *m + share * (g * scale);
                let sign = (*m > 0.0) as i8 as $real - (*m < 0.0) as i8 as $real;
                *p -= lr * (sign + decay * *p);
            }
        }
    };
}

define_update!(update_f32, f32);
define_update!(update_f64, f64);

unsafe extern "C" fn step(_: *const c_void, frame: *const Frame, _: *mut c_void) -> i32 {
    let frame = &*frame;
    for i in 0..frame.segments.count as usize {
        // The host's stride, not the size of our struct, leads to the next segment.
        let piece = &*((frame.segments.data as *const u8).add(i * frame.segments.stride as usize) as *const Segment);
        let values = *frame.hyperparameters.add(piece.group_index as usize);
        if frame.dtype.bits == 64 {
            update_f64(piece, values, frame.gradient_scale);
        } else {
            update_f32(piece, values, frame.gradient_scale);
        }
    }
    OK
}

static SIGNUM: Optimizer = Optimizer {
    struct_size: size_of::<Optimizer>() as u32,
    granularity: GRANULARITY_ELEMENT,
    granularity_block: 0,
    state_version: 1,
    capabilities: CAPABILITY_FLOAT32
        | CAPABILITY_FLOAT64
        | CAPABILITY_GRADIENT_SCALE
        | CAPABILITY_JOINED_PARAMETERS,
    name: c"signum".as_ptr(),
    version: c"1.0.0".as_ptr(),
    summary: c"Steps by the sign of a momentum.".as_ptr(),
    url: c"https://arxiv.org/abs/1802.04434".as_ptr(),
    hyperparameters: Span {
        data: &SETTINGS as *const _ as *const c_void,
        count: SETTINGS.len() as u32,
        stride: size_of::<Hyperparameter>() as u32,
    },
    plan: Some(plan),
    step: Some(step),
    ..Optimizer::EMPTY
};

static OPTIMIZERS: Shared<[&Optimizer; 1]> = Shared([&SIGNUM]);

static LIBRARY: Library = Library {
    struct_size: size_of::<Library>() as u32,
    abi_minor_built: 0,
    abi_minor_required: 0,
    optimizer_count: 1,
    optimizers: &OPTIMIZERS as *const _ as *const *const Optimizer,
    get_extension: None,
};

/// The one exported symbol.
///
/// # Safety
/// `out` points to room for a pointer, as optplug.h states.
#[no_mangle]
pub unsafe extern "C" fn optplug_entry_v1(_: *const c_void, out: *mut *const Library, _: *mut c_void) -> i32 {
    *out = &LIBRARY;
    OK
}

const _: () = assert!(size_of::<*const c_char>() == 8);
