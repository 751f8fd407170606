/* SPDX-License-Identifier: MIT */
/*
 * mapping.h - memory that several processes can map, and the trick that makes every record contiguous (private)
 */
#ifndef NRB_MAPPING_H
#define NRB_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A file, or memfd, and where it is mapped. */
struct nrb_mapping {
	unsigned char *address; /* NULL: not mapped */
	size_t length;          /* bytes of address space */
	int fd;                 /* -1: none of its own */
};

size_t nrb_page_size(void);

/*
 * nrb_mapping_create - make a file of @size bytes, every block allocated
 * @mapping: receives the descriptor
 * @path: the file, which must not exist; or NULL for a memfd, which is sealed against resizing, see nrb_mapping_seal()
 * @mode: permissions of the file
 * @size: bytes
 *
 * Return: 0 or -errno (see nrb_create()). On error no file is left behind.
 */
int nrb_mapping_create(struct nrb_mapping *mapping, const char *path, mode_t mode, uint64_t size);

/* Map all @size bytes of @fd. nrb_mapping_map_readonly(): without leave to write. Return: 0 or -errno. */
int nrb_mapping_map(struct nrb_mapping *mapping, int fd, uint64_t size);
int nrb_mapping_map_readonly(struct nrb_mapping *mapping, int fd, uint64_t size);

/* The memfd's seals are final from now on. @readonly: one more is that nobody can map it for writing any more, while
 * mappings that there are stay. Return: 0 or -errno. */
int nrb_mapping_seal(const struct nrb_mapping *mapping, bool readonly);

/*
 * nrb_mapping_reserve - take address space, in one piece, so that nothing else can come to lie in it
 *
 * Apart from mapping, so that a size which fits no address space is refused before memory is asked for.
 *
 * Return: 0, or -EOVERFLOW when the address space does not hold it, or another -errno.
 */
int nrb_mapping_reserve(struct nrb_mapping *mapping, uint64_t length);

/*
 * nrb_mapping_map_mirrored - map @head bytes, then the @tail bytes that follow them, then those same bytes once more
 *
 * So what begins before the end of the ring and goes on at its beginning is one piece of memory. Address space for
 * @head + 2 * @tail was reserved before. @populate: all pages at once, so that no access faults later; not for a file
 * that a stranger made, which may claim any size. @writable: else stores fault.
 *
 * Return: 0 or -errno.
 */
int nrb_mapping_map_mirrored(struct nrb_mapping *mapping, int fd, uint64_t head, uint64_t tail, bool populate,
			     bool writable);

/* Unmap and close what there is. Keeps errno. */
void nrb_mapping_release(struct nrb_mapping *mapping);

#endif /* NRB_MAPPING_H */
