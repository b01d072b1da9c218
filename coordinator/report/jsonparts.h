/* What the JSON report and the events say alike. Each adds one key and its
 * value to an open object. Private to this layer. */
#ifndef FST_REPORT_JSONPARTS_H
#define FST_REPORT_JSONPARTS_H

#include "coordinator/report/book.h"
#include "shared/json/json.h"

void fst_json_put_string(struct fst_json_writer *json, const char *key,
                         const char *text);
void fst_json_put_size(struct fst_json_writer *json, const char *key,
                       size_t value);
void fst_json_put_int(struct fst_json_writer *json, const char *key,
                      int64_t value);
void fst_json_put_double(struct fst_json_writer *json, const char *key,
                         double value);
void fst_json_put_bool(struct fst_json_writer *json, const char *key,
                       bool value);
/* "longrepr": the texts of an attempt's phases, without colours. */
void fst_json_put_longrepr(struct fst_json_writer *json,
                           const struct fst_attempt *attempt);
/* "start_s": of the verdict's set-up, from the start of the process at
 * process_s; null where it didn't start, or started in an earlier process. */
void fst_json_put_start(struct fst_json_writer *json,
                        const struct fst_entry *entry, double process_s);
/* "summary" */
void fst_json_put_summary(struct fst_json_writer *json,
                          const struct fst_book *book);
/* "message", "category", "nodeid", "file", "line" */
void fst_json_put_warning(struct fst_json_writer *json,
                          const struct fst_warning *warning);
/* "labels": an object, of "KEY=VALUE"s; of one key the last value. */
void fst_json_put_labels(struct fst_json_writer *json,
                         const struct fst_strings *labels);
/* "first", "retry" … */
const char *fst_json_kind_name(enum fst_attempt_kind kind);

#endif
