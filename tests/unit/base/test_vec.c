#include "shared/base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct numbers {
    int *items;
    size_t count, cap;
};

static void items_stay_in_order_while_it_grows(void **state)
{
    (void)state;
    struct numbers vec = {0};
    for (int i = 0; i < 1000; i++)
        fst_vec_add(&vec, i * i);
    assert_int_equal(vec.count, 1000);
    assert_true(vec.cap >= vec.count);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(vec.items[i], i * i);
    fst_vec_free(&vec);
}

static void push_gives_the_place_of_a_new_last_item(void **state)
{
    (void)state;
    struct numbers vec = {0};
    int *place = fst_vec_push(&vec);
    *place = 7;
    assert_int_equal(vec.count, 1);
    assert_ptr_equal(place, &vec.items[0]);
    fst_vec_free(&vec);
}

static void each_visits_every_item_once_and_none_of_an_empty_one(void **state)
{
    (void)state;
    struct numbers vec = {0};
    int *item, sum = 0;
    fst_vec_each (item, &vec) {
        sum += 1000;
    }
    for (int i = 1; i <= 10; i++)
        fst_vec_add(&vec, i);
    fst_vec_each (item, &vec) {
        sum += *item;
    }
    assert_int_equal(sum, 55);
    fst_vec_free(&vec);
}

static void a_freed_vector_is_empty_and_can_be_used_again(void **state)
{
    (void)state;
    struct numbers vec = {0};
    fst_vec_add(&vec, 1);
    fst_vec_free(&vec);
    assert_null(vec.items);
    assert_int_equal(vec.count + vec.cap, 0);
    fst_vec_add(&vec, 2);
    assert_int_equal(vec.items[0], 2);
    fst_vec_free(&vec);
}

static void a_list_of_strings_owns_copies(void **state)
{
    (void)state;
    struct fst_strings list = {0};
    char text[] = "abc";
    fst_strings_add(&list, text);
    text[0] = 'x';
    fst_strings_add(&list, text);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0], "abc");
    assert_string_equal(list.items[1], "xbc");
    fst_strings_clear(&list);
    assert_int_equal(list.count, 0);
    fst_strings_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stay_in_order_while_it_grows),
        cmocka_unit_test(push_gives_the_place_of_a_new_last_item),
        cmocka_unit_test(each_visits_every_item_once_and_none_of_an_empty_one),
        cmocka_unit_test(a_freed_vector_is_empty_and_can_be_used_again),
        cmocka_unit_test(a_list_of_strings_owns_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
