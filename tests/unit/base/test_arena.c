#include "shared/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    for (size_t size = 1; size < 200; size++) {
        unsigned char *memory = fst_arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
    }
    fst_arena_release(&arena);
}

static void earlier_memory_stays_when_later_is_asked_for(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    char *texts[1000];
    for (int i = 0; i < 1000; i++)
        texts[i] = fst_arena_printf(&arena, "text %d", i);
    for (int i = 0; i < 1000; i++) {
        char expected[20];
        snprintf(expected, sizeof expected, "text %d", i);
        assert_string_equal(texts[i], expected);
    }
    fst_arena_release(&arena);
}

static void a_piece_larger_than_any_block_fits(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    char *small = fst_arena_str(&arena, "small");
    size_t size = 3 * 1024 * 1024;
    char *large = fst_arena_alloc(&arena, size);
    memset(large, 'x', size);
    assert_string_equal(small, "small");
    assert_true(arena.total >= size);
    fst_arena_release(&arena);
}

static void strings_are_copies(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    char text[] = "abc";
    char *copy = fst_arena_str(&arena, text);
    char *start = fst_arena_strn(&arena, text, 2);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_string_equal(start, "ab");
    assert_null(fst_arena_str(&arena, NULL));
    fst_arena_release(&arena);
}

static void an_array_holds_all_its_items(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    int64_t *items = fst_arena_array(&arena, 5000, sizeof *items);
    for (int64_t i = 0; i < 5000; i++) {
        assert_int_equal(items[i], 0);
        items[i] = i;
    }
    assert_int_equal(items[4999], 4999);
    assert_non_null(fst_arena_array(&arena, 0, sizeof *items));
    fst_arena_release(&arena);
}

static void a_released_arena_can_be_used_again(void **state)
{
    (void)state;
    struct fst_arena arena = {0};
    fst_arena_release(&arena);
    fst_arena_str(&arena, "once");
    fst_arena_release(&arena);
    assert_null(arena.blocks);
    assert_int_equal(arena.total, 0);
    assert_string_equal(fst_arena_str(&arena, "again"), "again");
    fst_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(earlier_memory_stays_when_later_is_asked_for),
        cmocka_unit_test(a_piece_larger_than_any_block_fits),
        cmocka_unit_test(strings_are_copies),
        cmocka_unit_test(an_array_holds_all_its_items),
        cmocka_unit_test(a_released_arena_can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
