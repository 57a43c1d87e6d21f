/* cenote: SPDX-License-Identifier: MIT
 *
 * cenote for C11: pools behind handles, options with initialisers, codes for answers. Nothing is thrown
 * across this face and no handler of the C++ library is called for what has a code. Every pointer that a free
 * is given is judged before anything is changed, but for those to the heap, to the pages and of `unchecked`.
 * No handle is judged but null and arenas on loan. Link the same library; it needs the C++ runtime.
 */
#pragma once

#include <cenote/face/c_allocator.h>
#include <cenote/face/c_arena.h>
#include <cenote/face/c_arena_pool.h>
#include <cenote/face/c_fixed.h>
#include <cenote/face/c_status.h>
#include <cenote/face/c_variable.h>
