/*
 * Allocations that fail on request: a library that comes before the C library in a server, and SQL functions that tell it when.
 */
#include "postgres.h"

#include "fmgr.h"

#include <errno.h>
#include <stdlib.h>

PG_MODULE_MAGIC;

/* The C library's own. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

/* How many more allocations succeed, how many fail then, and how many have failed. */
static int	remaining = 0;
static int	to_fail = 0;
static int	failed = 0;

static int
fails(void)
{
	if (to_fail == 0 || remaining-- > 0)
		return 0;
	remaining = 0;
	to_fail--;
	failed++;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *block, size_t size)
{
	return fails() ? NULL : __libc_realloc(block, size);
}

int
posix_memalign(void **block, size_t alignment, size_t size)
{
	if (fails())
		return ENOMEM;
	*block = __libc_memalign(alignment, size);
	return *block == NULL ? ENOMEM : 0;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

/* fail_after(succeed integer, fail integer) returns void: lets the next allocations of this session succeed, and then fail. */
PG_FUNCTION_INFO_V1(fail_after);

Datum
fail_after(PG_FUNCTION_ARGS)
{
	failed = 0;
	remaining = PG_GETARG_INT32(0);
	to_fail = PG_GETARG_INT32(1);
	PG_RETURN_VOID();
}

/* fail_no_more() returns integer: ends that, and tells how many have failed. */
PG_FUNCTION_INFO_V1(fail_no_more);

Datum
fail_no_more(PG_FUNCTION_ARGS)
{
	to_fail = 0;
	PG_RETURN_INT32(failed);
}
