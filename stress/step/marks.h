/* SPDX-License-Identifier: MIT */
/*
 * marks.h - AddressSanitizer's marks around the frames of a stack: those of frames that were given up would be taken
 * for those of others
 */
#ifndef STRESS_STEP_MARKS_H
#define STRESS_STEP_MARKS_H

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_MARKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_MARKS 1
#endif
#endif

#ifdef HAVE_MARKS
#include <sanitizer/asan_interface.h>
#define forget_marks(at, size) __asan_unpoison_memory_region(at, size)
#else
#define HAVE_MARKS 0
#define forget_marks(at, size) ((void)(at), (void)(size))
#endif

#endif /* STRESS_STEP_MARKS_H */
