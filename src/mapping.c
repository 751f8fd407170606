/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define ALLOCATE_PIECE (1u << 20)

size_t nrb_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* More than the machine has would not fail but wake the kernel's out-of-memory killer. */
static int check_memory(uint64_t size)
{
	long pages = sysconf(_SC_PHYS_PAGES);

	return pages > 0 && size / nrb_page_size() >= (uint64_t)pages ? -ENOMEM : 0;
}

/* All blocks now: a store into a hole that the file system cannot fill would be a SIGBUS, in a handler. */
static int allocate_blocks(int fd, uint64_t size)
{
	int rc = 0;

	/* In pieces: a signal makes some kernels give up a call and undo what it had done; a profiler's timer must not
	 * keep that up for ever. */
	for (uint64_t done = 0; done < size && !rc;) {
		uint64_t piece = size - done < ALLOCATE_PIECE ? size - done : ALLOCATE_PIECE;

		rc = posix_fallocate(fd, (off_t)done, (off_t)piece);
		if (rc == EINTR)
			rc = 0;
		else
			done += piece;
	}
	return -rc;
}

static int allocate(int fd, uint64_t size)
{
	const struct timespec now = { 0 };
	sigset_t beyond_limit, old, pending;
	int rc;

	/* Beyond the limit on file sizes the kernel sends SIGXFSZ, which kills; an error will do. */
	sigemptyset(&beyond_limit);
	sigaddset(&beyond_limit, SIGXFSZ);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &beyond_limit, &old);
	rc = allocate_blocks(fd, size);
	if (rc == -EFBIG && !sigismember(&pending, SIGXFSZ))
		sigtimedwait(&beyond_limit, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static int create_memfd(struct nrb_mapping *mapping, uint64_t size)
{
	int rc = check_memory(size);

	if (rc)
		return rc;
	mapping->fd = memfd_create("nrb", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (mapping->fd < 0)
		return -errno;
	rc = allocate(mapping->fd, size);
	/* A reader that has the descriptor must not be able to pull the memory away from under the writer. */
	if (!rc && fcntl(mapping->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		rc = -errno;
	if (rc)
		nrb_mapping_release(mapping);
	return rc == -ENOSPC ? -ENOMEM : rc;
}

int nrb_mapping_create(struct nrb_mapping *mapping, const char *path, mode_t mode, uint64_t size)
{
	int rc;

	if (!path)
		return create_memfd(mapping, size);
	mapping->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (mapping->fd < 0)
		return -errno;
	rc = allocate(mapping->fd, size);
	if (rc) {
		unlink(path);
		nrb_mapping_release(mapping);
	}
	return rc;
}

static int map(struct nrb_mapping *mapping, int fd, uint64_t size, int access)
{
	void *address = mmap(NULL, size, access, MAP_SHARED, fd, 0);

	if (address == MAP_FAILED)
		return -errno;
	mapping->address = address;
	mapping->length = size;
	return 0;
}

int nrb_mapping_map(struct nrb_mapping *mapping, int fd, uint64_t size)
{
	return map(mapping, fd, size, PROT_READ | PROT_WRITE);
}

int nrb_mapping_map_readonly(struct nrb_mapping *mapping, int fd, uint64_t size)
{
	return map(mapping, fd, size, PROT_READ);
}

int nrb_mapping_seal(const struct nrb_mapping *mapping, bool readonly)
{
	/* Linux before 5.1 does not know it: there who receives the descriptor has to be trusted. */
	if (readonly && fcntl(mapping->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) < 0 && errno != EINVAL)
		return -errno;
	return fcntl(mapping->fd, F_ADD_SEALS, F_SEAL_SEAL) < 0 ? -errno : 0;
}

int nrb_mapping_reserve(struct nrb_mapping *mapping, uint64_t length)
{
	void *address;

	if (length > SIZE_MAX)
		return -EOVERFLOW;
	address = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (address == MAP_FAILED)
		return errno == ENOMEM ? -EOVERFLOW : -errno;
	mapping->address = address;
	mapping->length = length;
	return 0;
}

int nrb_mapping_map_mirrored(struct nrb_mapping *mapping, int fd, uint64_t head, uint64_t tail, bool populate,
			     bool writable)
{
	const int access = PROT_READ | (writable ? PROT_WRITE : 0);
	const int flags = MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0);
	unsigned char *at = mapping->address;

	if (mmap(at, head + tail, access, flags, fd, 0) == MAP_FAILED ||
	    mmap(at + head + tail, tail, access, flags, fd, (off_t)head) == MAP_FAILED)
		return -errno;
	return 0;
}

void nrb_mapping_release(struct nrb_mapping *mapping)
{
	int saved = errno;

	if (mapping->address)
		munmap(mapping->address, mapping->length);
	if (mapping->fd >= 0)
		close(mapping->fd);
	mapping->address = NULL;
	mapping->fd = -1;
	errno = saved;
}
