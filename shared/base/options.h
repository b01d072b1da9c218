/* One option table for the command line, the environment, a configuration file
 * and --help.
 *
 * A program declares its options once, as an array of struct fst_option, and a
 * settings struct that the options' values land in. Each source is then a call
 * that stores into the struct; the sources are called from the weakest to the
 * strongest, so what is stored last stands (lists and counts add up). What the
 * table says of an option is checked for every source alike.
 *
 * Command lines are read as Python's argparse reads them without abbreviations,
 * since that is what pytest's users know: --name VALUE, --name=VALUE, -n VALUE,
 * -nVALUE, -n=VALUE, clusters such as -vvx, options between positionals, "--".
 * A value that stands apart may not look like an option ("-k -x" lacks its
 * value; "-k=-x" has it). One that need not have a value takes the next token
 * only where that fits.
 *
 * Strings in the settings struct are owned by it: fst_options_release().
 */
#ifndef FST_BASE_OPTIONS_H
#define FST_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/buf.h"
#include "shared/base/err.h"
#include "shared/base/vec.h"

enum fst_option_kind {
    FST_OPTION_FLAG,    /* no value: stores .constant; off: stores .off */
    FST_OPTION_COUNT,   /* no value: adds .constant */
    FST_OPTION_INT,     /* a number in .min … .max, or one of .words; words
                           alone where min > max */
    FST_OPTION_SECONDS, /* a number from 0, also with a fraction; or one of
                           .words */
    FST_OPTION_SIZE,    /* bytes, from 1M: 512M, 1.5G, 4GiB, plain; or a share:
                           80% is stored as -80 */
    FST_OPTION_STRING,  /* text; one of .words where there are any */
    FST_OPTION_LIST     /* text, appended to a struct fst_strings */
};

struct fst_option_word {
    const char *name; /* NULL ends the array */
    int value;        /* what an FST_OPTION_INT or _SECONDS stores */
};

struct fst_option {
    const char *names; /* as typed, separated by one space: "-x --exitfirst" */
    const char *key;   /* its name in the environment and the configuration
                          ("max-worker-restart": FASTEST_MAX_WORKER_RESTART);
                          NULL: the command line only */
    enum fst_option_kind kind;
    const char *value;    /* the value's name in --help: "N", "none|split" */
    const char *help;     /* one sentence, wrapped where it is printed */
    const char *group;    /* heading in --help; neighbours share it */
    const char *standard; /* default, set and shown; NULL: zeroed, not shown */
    const struct fst_option_word *words; /* or NULL */
    bool (*fits)(const char *value); /* of a FST_OPTION_STRING whose value may
                                        be left out (then ""): whether the next
                                        token is meant by it; else NULL */
    size_t offset, size; /* FST_OPTION_AT(); size 0: no target, as --help */
    int min, max;        /* of FST_OPTION_INT */
    int constant, off;   /* of FST_OPTION_FLAG and FST_OPTION_COUNT */
    unsigned commands;   /* bits of the commands that have it */
    bool no_config;      /* may not stand in the configuration file */
    const char *pass;    /* for the program's own use (the spelling under which
                            another program takes it), or NULL */
};

/* Targets: FLAG: bool or a 4-byte integer or enum; COUNT: int; INT: bool or a
 * 4-byte integer or enum; SIZE: int64_t; SECONDS: double; STRING: char *; LIST:
 * struct fst_strings. */
#define FST_OPTION_AT(type, field)                                             \
    .offset = offsetof(type, field), .size = sizeof(((type *)0)->field)

struct fst_options {
    const struct fst_option *items;
    size_t count;
    unsigned commands; /* only options that share a bit with it exist */
    const char *env;   /* prefix of environment names: "FASTEST_" */
    char **heard; /* or NULL: for each of items, where its value was heard last
                     (the caller's to free; NULL: not yet). Options with one
                     target share it. */
    const char *where; /* what is being heard; NULL: an option's own spelling */
};

/* Stores the defaults; call it first, on a zeroed struct. A default that its
 * own option refuses is a bug and aborts. */
void fst_options_defaults(const struct fst_options *options, void *target);
/* Frees strings and lists; numbers stay. */
void fst_options_release(const struct fst_options *options, void *target);

/* The option that is spelled name[0…len) with its dashes, or that has the key;
 * or NULL. */
const struct fst_option *fst_options_find(const struct fst_options *options,
                                          const char *name, size_t len);
const struct fst_option *fst_options_key(const struct fst_options *options,
                                         const char *key);
/* The long name (key: the key) nearest to what was typed, or NULL where none is
 * near. Distance: Levenshtein's, at most a third of the length, rounded up. */
const char *fst_options_nearest(const struct fst_options *options,
                                const char *typed, bool key);

/* Stores one value. shown: how the option was spelled, for messages. value:
 * NULL for FLAG and COUNT as on the command line; as text they take 1, true,
 * yes, on, 0, false, no, off (FLAG) or a number (COUNT). FST_E_USAGE names
 * option and value and says what is accepted. */
int fst_options_set(const struct fst_options *options,
                    const struct fst_option *option, void *target,
                    const char *shown, const char *value, struct fst_err *err);
/* Says that the option's value was heard: options->where, else as shown. */
void fst_options_note(const struct fst_options *options,
                      const struct fst_option *option, const char *shown);

/* True where argparse would take the token for an option, not for a value. */
bool fst_options_dashed(const char *token);

/* Reads a command line up to "--". Positionals are appended (copied) in order.
 * *rest is the index behind "--", or argc. FST_E_USAGE; where the reason is an
 * option that the table lacks, *unknown is that token (argv's), else NULL. */
int fst_options_parse(const struct fst_options *options, void *target, int argc,
                      const char *const *argv, struct fst_strings *positionals,
                      int *rest, const char **unknown, struct fst_err *err);

/* Stores what the environment says. env: NULL-terminated "NAME=VALUE"; an empty
 * value counts as not set. A list is one string, split at whitespace. */
int fst_options_env(const struct fst_options *options, void *target,
                    const char *const *env, struct fst_err *err);

/* Whether a command line asks for help ("--help", "-h", before "--"), and of
 * which group: "--help GROUP", "--help=GROUP"; else *group is NULL. */
bool fst_options_asks_help(const struct fst_options *options, int argc,
                           const char *const *argv, const char **group);

/* The options in their groups, at most 80 columns wide. group: one of theirs,
 * in any case, or "all"; anything else: all where that fits a screen, else the
 * groups with what is in them. command: what to type for more. */
void fst_options_help(const struct fst_options *options, const char *group,
                      const char *command, struct fst_buf *out);

#endif
