//! The global allocator of a guest: the static space first, then `memory.grow`.
#![allow(unsafe_code)] // a global allocator cannot be written without

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr;

use crate::Bump;

/// With a stack of 16 KiB and a module's constants it makes one page of 64 KiB, which is the
/// cheapest memory there is; a decision with a cell of several kilobytes fits.
const SPACE: usize = 24 * 1024;

/// The size of a page of a WebAssembly memory.
const PAGE: usize = 65536;

#[repr(align(16))]
struct Space(UnsafeCell<[MaybeUninit<u8>; SPACE]>);

struct Arena {
    bump: UnsafeCell<Bump>,
    space: Space,
}

// SAFETY: the target is wasm32 without atomics: a guest has one thread.
unsafe impl Sync for Arena {}

#[global_allocator]
static ARENA: Arena = Arena {
    bump: UnsafeCell::new(Bump::EMPTY),
    space: Space(UnsafeCell::new([MaybeUninit::uninit(); SPACE])),
};

impl Arena {
    /// Where allocation stands.
    #[allow(clippy::mut_from_ref)] // no method below keeps it while it calls another one
    fn bump(&self) -> &mut Bump {
        // SAFETY: one thread, and nothing here is entered again from within: no two live at once.
        unsafe { &mut *self.bump.get() }
    }

    /// Takes from more space: at first the static one, where that will do, and from then on pages.
    #[cold]
    fn take_more(&self, size: usize, align: usize) -> Option<usize> {
        let bump = self.bump();
        let space = self.space.0.get().expose_provenance();
        if bump.is_last(0, 0) {
            bump.add(space, space + SPACE);
            if let Some(start) = bump.take(size, align) {
                return Some(start);
            }
        }
        grow(bump, size.checked_add(align)?)?;
        bump.take(size, align)
    }

    /// Gives the last piece another size in place, if need be with more pages.
    fn resize_last(&self, start: usize, size: usize) -> bool {
        let bump = self.bump();
        if bump.resize_last(start, size) {
            return true;
        }
        let in_static_space = start < self.space.0.get().expose_provenance() + SPACE;
        if in_static_space {
            return false; // pages do not follow it
        }
        let grown = bump.lacks(start, size).and_then(|lacking| grow(bump, lacking));
        grown.is_some() && bump.resize_last(start, size)
    }
}

/// Adds pages for at least `bytes`; none where the host does not grant them.
fn grow(bump: &mut Bump, bytes: usize) -> Option<()> {
    let pages = bytes.div_ceil(PAGE);
    let before = memory_grow::<0>(pages);
    if before == usize::MAX {
        return None;
    }
    // The last page of all ends where no address is.
    let end = memory_size::<0>().saturating_mul(PAGE);
    bump.add(before * PAGE, end);
    Some(())
}

// SAFETY: pieces are disjoint, aligned and inside the static space or pages of our own, since
// `Bump` hands out no address twice before it is given back; nothing unwinds.
unsafe impl GlobalAlloc for Arena {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        match self.bump().take(size, align).or_else(|| self.take_more(size, align)) {
            Some(start) => ptr::with_exposed_provenance_mut(start),
            None => ptr::null_mut(),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        let start = piece.expose_provenance();
        if self.bump().is_last(start, layout.size()) {
            self.bump().resize_last(start, 0);
        }
    }

    #[inline]
    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let start = piece.expose_provenance();
        if self.bump().is_last(start, layout.size()) && self.resize_last(start, size) {
            return piece;
        }
        if size <= layout.size() {
            return piece;
        }
        // SAFETY: the caller's own promise for `realloc`: `size` with this alignment is a layout.
        let grown = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !grown.is_null() {
            // SAFETY: two disjoint pieces, the new one larger than the old one.
            unsafe { ptr::copy_nonoverlapping(piece, grown, layout.size()) };
        }
        grown
    }
}
