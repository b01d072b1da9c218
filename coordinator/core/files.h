/* Files and their items: states, where they wait, lists, estimates. All
 * counters of a run that follow from states are kept here. Private to
 * coordinator/core. */
#ifndef FST_CORE_FILES_H
#define FST_CORE_FILES_H

#include "coordinator/core/state.h"
#include "coordinator/core/table.h"

/* A file behind `after` in pytest's order (NULL: at the end); plan is copied.
 */
struct file *fst_files_add(struct run *run, const struct fst_file_plan *plan,
                           struct file *after);
/* Frees what the file owns outside the run's arena. */
void fst_files_fini(struct file *file);

/* The run's files by path, so that a long list of paths costs no search each:
 * of number n in `paths` the file is [n]; NULL from their count on, for `more`
 * further ones. The caller frees both. */
struct file **fst_files_index(const struct run *run, size_t more,
                              struct fst_table *paths);

/* Moves the file and puts it where it waits now. */
void fst_files_move(struct file *file, enum file_state state);
/* Puts it where its state and items say; first: before those that wait. */
void fst_files_place(struct file *file, bool first);

/* lease: for ITEM_LEASED, else NULL. Callers place the file afterwards. */
void fst_files_move_item(struct file *file, size_t item, enum item_state state,
                         struct lease *lease);

/* Makes `items` the list of a file in OPENING; all are QUEUED (collect_only:
 * ENDED). */
void fst_files_list(struct file *file, const struct fst_collected *list);
/* Another worker's list replaces what has not ended; see core.h. No item may
 * be LEASED. */
void fst_files_relist(struct file *file, const struct fst_collected *list);
/* Index of the item, SIZE_MAX: none. */
size_t fst_files_find_item(const struct file *file, const char *id);
/* Bytes of the function id at the start of the file's node id. */
size_t fst_files_function_len(const struct file *file, const char *id);

/* Whether pieces of it may go to other slots. */
bool fst_files_splittable(const struct file *file);
/* May there be a cut between this item and the one before it in the list? */
bool fst_files_boundary(const struct file *file, size_t item);

/* Expected seconds: of an item of this file, as the run goes; of one, or some,
 * by their past where there is one; of a whole file that isn't listed; of
 * opening it; of all that the run has left. */
double fst_files_mean_s(const struct file *file);
double fst_files_item_s(const struct file *file, size_t item);
double fst_files_weight_s(const struct file *file, struct weight weight);
double fst_files_whole_s(const struct file *file);
double fst_files_open_s(const struct file *file);
double fst_files_run_left_s(const struct run *run);
/* A file that nobody has opened yet and whose list is known from an earlier
 * run: by how many further slots it is worth being shared. */
size_t fst_files_helpers(const struct file *file);
/* Whether most of what is left has a past. */
bool fst_files_run_known(const struct run *run);
double fst_files_run_left(const struct run *run);

#endif
