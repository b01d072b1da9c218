#include "tests/sim/world.h"

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_add_event(struct farm *farm, int64_t at, struct event event)
{
    event.at = at;
    event.order = ++farm->order;
    fst_vec_add(&farm->heap, event);
    struct event *heap = farm->heap.items;
    for (size_t i = farm->heap.count - 1; i;) {
        size_t up = (i - 1) / 2;
        if (!is_before(&heap[i], &heap[up]))
            break;
        struct event swap = heap[i];
        heap[i] = heap[up];
        heap[up] = swap;
        i = up;
    }
}

struct event sim_next_event(struct farm *farm)
{
    struct event *heap = farm->heap.items, first = heap[0];
    size_t count = --farm->heap.count, i = 0;
    heap[0] = heap[count];
    for (;;) {
        size_t best = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < count; k++) {
            if (is_before(&heap[k], &heap[best]))
                best = k;
        }
        if (best == i)
            return first;
        struct event swap = heap[i];
        heap[i] = heap[best];
        heap[best] = swap;
        i = best;
    }
}

int64_t sim_ns(double seconds)
{
    return (int64_t)(seconds * 1e9);
}

int64_t sim_latency(struct farm *farm)
{
    return farm->spec->quiet ? 100000 : rng_below(&farm->rng, 20000000);
}
