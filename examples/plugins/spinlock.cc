/* SPDX-License-Identifier: MIT */
/*
 * spinlock.cc - a queue in C++ behind a spin lock, which is safe between threads; a handler that interrupts who holds
 * it spins for ever
 *
 *     c++ -O2 -g -fPIC -shared spinlock.cc -o spinlock.so && nrb-stress ./spinlock.so
 */
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>

#include <nrb_plugin.h>

namespace {

constexpr std::size_t payload_max = 120;

struct record {
	std::size_t size;
	std::array<unsigned char, payload_max> payload;
};

class lock {
	std::atomic_flag &flag;

      public:
	explicit lock(std::atomic_flag &f) : flag(f)
	{
		while (flag.test_and_set(std::memory_order_acquire))
			;
	}
	~lock() { flag.clear(std::memory_order_release); }
	lock(const lock &) = delete;
	lock &operator=(const lock &) = delete;
};

struct ring {
	std::atomic_flag busy = ATOMIC_FLAG_INIT;
	std::atomic<std::uint64_t> head{ 0 };
	std::uint64_t tail = 0;
	std::array<record, 32> slot{};

	bool put(const void *payload, std::size_t size)
	{
		const lock hold(busy);
		const std::uint64_t at = head.load(std::memory_order_relaxed);

		if (at - tail >= slot.size())
			return false;
		slot[at % slot.size()].size = size;
		std::memcpy(slot[at % slot.size()].payload.data(), payload, size);
		head.store(at + 1, std::memory_order_release);
		return true;
	}

	std::int64_t take(void *payload)
	{
		/* Who reads must never wait: next time, then. */
		if (busy.test_and_set(std::memory_order_acquire))
			return 0;
		const std::int64_t size = take_locked(payload);

		busy.clear(std::memory_order_release);
		return size;
	}

	std::int64_t take_locked(void *payload)
	{
		if (tail == head.load(std::memory_order_acquire))
			return 0;
		const record &next = slot[tail % slot.size()];
		std::memcpy(payload, next.payload.data(), next.size);
		tail++;
		return static_cast<std::int64_t>(next.size);
	}
};

ring *as_ring(void *opaque)
{
	return static_cast<ring *>(opaque);
}

void *ring_open(const nrb_plugin_host *host, std::size_t)
{
	void *memory = host->alloc(host, sizeof(ring));

	return memory ? new (memory) ring : nullptr;
}

void ring_close(void *opaque)
{
	as_ring(opaque)->~ring();
}

int ring_write(void *opaque, const void *payload, std::size_t size)
{
	return as_ring(opaque)->put(payload, size) ? 0 : -ENOSPC;
}

std::int64_t ring_read(void *opaque, void *payload, std::size_t size)
{
	return size < payload_max ? -EMSGSIZE : as_ring(opaque)->take(payload);
}

std::uint64_t ring_head(const void *opaque)
{
	return static_cast<const ring *>(opaque)->head.load(std::memory_order_acquire);
}

struct nrb_plugin make()
{
	struct nrb_plugin table {};

	table.version = NRB_PLUGIN_VERSION;
	table.struct_size = sizeof(table);
	table.name = "spinlock";
	table.summary = "a queue behind a spin lock, in C++";
	table.claim = NRB_PLUGIN_SOUND;
	table.max_payload = payload_max;
	table.open = ring_open;
	table.close = ring_close;
	table.write = ring_write;
	table.read = ring_read;
	table.head = ring_head;
	return table;
}

} // namespace

const struct nrb_plugin nrb_plugin = make();
