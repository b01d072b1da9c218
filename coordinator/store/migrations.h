/* schema/NNN_*.sql as strings, in order; made by the build. */
#ifndef FST_STORE_MIGRATIONS_H
#define FST_STORE_MIGRATIONS_H

extern const char *const fst_migrations[];
extern const int fst_migrations_count;

#endif
