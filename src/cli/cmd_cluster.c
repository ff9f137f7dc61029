/* cmd_cluster.c - liken cluster: a gallery's descriptors on several PostgreSQL servers. One function a verb; what they
 * do is in liken.h. */
#include "wire/json.h"
#include "cli/caller.h"
#include "cli/cli.h"
#include "cli/cluster_plan.h"
#include "cli/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FACES_MAX 1e12
#define SECONDS 1.0 /* what a search may take in a plan */

static int on_progress(void *ctx, const liken_progress *p) {
    (void)ctx;
    LK_FREE char *clean = lk_printable(p->message);
    lk_message("%s", clean == NULL ? "" : clean);
    return 0;
}

/* ---- plan ---- */

/* "250000", "10M", "1B"; 0 when it is no number of faces. */
static double read_faces(const char *word) {
    static const struct {
        const char *unit;
        double times;
    } units[] = {{"", 1}, {"K", 1e3}, {"k", 1e3}, {"M", 1e6}, {"B", 1e9}, {"G", 1e9}};
    char *end = NULL;
    if (*word < '0' || *word > '9')
        return 0;
    const double number = strtod(word, &end);
    for (size_t i = 0; i < LK_LENGTH(units); i++) {
        if (strcmp(end, units[i].unit) == 0 && number * units[i].times <= FACES_MAX)
            return number * units[i].times;
    }
    return 0;
}

static const char *human(double bytes, char *out, size_t room) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t i = 0;
    while (bytes >= 1000 && i + 1 < LK_LENGTH(units)) {
        bytes /= 1000;
        i++;
    }
    (void)snprintf(out, room, "%.3g %s", bytes, units[i]);
    return out;
}

static json_t *plan_json(const lk_plan *p) {
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:i, s:f, s:f, s:f}", "faces", p->faces, "index_bytes", p->index_bytes,
                     "descriptor_bytes", p->vector_bytes, "cube_bytes", p->cube_bytes, "coordinator_bytes",
                     p->meta_bytes, "shards", p->shards, "shard_bytes", p->shard_bytes, "cube_seconds", p->cube_seconds,
                     "memory_seconds", p->index_seconds);
}

static void print_plan(const lk_plan *p) {
    char memory[32], vectors[32], meta[32], shard[32];
    (void)human(p->index_bytes, memory, sizeof memory);
    (void)human(p->vector_bytes, vectors, sizeof vectors);
    (void)human(p->meta_bytes, meta, sizeof meta);
    (void)human(p->shard_bytes, shard, sizeof shard);
    (void)printf("%.0f faces of 128 numbers\n\n", p->faces);
    (void)printf("searched in the memory of each liken:\n");
    (void)printf("  memory        %.0f x %d bytes = %s\n", p->faces, LK_PLAN_INDEX_BYTES, memory);
    (void)printf("  a search      %.0f x %.3g us = %.3g s, one core\n", p->faces, LK_PLAN_INDEX_US, p->index_seconds);
    (void)printf("  database      %.0f x %d bytes = %s of descriptors\n", p->faces, LK_PLAN_VECTOR_BYTES, vectors);
    (void)printf("                %.0f x %d bytes = %s of all else\n\n", p->faces, LK_PLAN_META_BYTES, meta);
    (void)printf("searched by the database (cube) on %d %s:\n", p->shards, p->shards == 1 ? "shard" : "shards");
    (void)printf("  a search      %.0f x %.3g us / %d = %.3g s, one core of each\n", p->faces, LK_PLAN_CUBE_US,
                 p->shards, p->cube_seconds);
    (void)printf("  each shard    %.0f x %d bytes / %d = %s, which should fit into its memory\n", p->faces,
                 LK_PLAN_CUBE_BYTES, p->shards, shard);
    (void)printf("  coordinator   %.0f x %d bytes = %s\n", p->faces, LK_PLAN_META_BYTES, meta);
    if (p->cube_seconds > SECONDS)
        (void)printf("  A cluster has at most %d shards, so a search takes longer than a second; see docs/scale.md for "
                     "what else there is.\n",
                     LK_PLAN_SHARDS);
    (void)printf(
        "\nThe figures of this machine are what `make bench-store` prints; docs/scale.md says where these come "
        "from.\n");
}

static int plan(const lk_cli *cli) {
    liken_error err = {0};
    lk_plan p;
    const double faces = read_faces(cli->words[0]);
    if (!(faces >= 1))
        return lk_cli_usage(cli, "%s is no number of faces; say 250000, 10M or 1B.", cli->words[0]);
    lk_plan_make(faces, SECONDS, &p);
    if (cli->json)
        return lk_cli_print(plan_json(&p), &err) == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
    print_plan(&p);
    return LK_EXIT_DONE;
}

/* ---- create, add, balance ---- */

/* NAME=WHERE, taken apart; *copy holds the words. */
static bool read_shard(const char *word, char **copy, liken_shard_address *out) {
    *copy = strdup(word);
    char *equals = *copy == NULL ? NULL : strchr(*copy, '=');
    if (equals == NULL || equals[1] == '\0')
        return false;
    *equals = '\0';
    *out = (liken_shard_address){.name = *copy, .where = equals + 1};
    return true;
}

static int finish(const lk_cli *cli, int rc, const liken_error *err, const char *done) {
    liken_error failed = {0};
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, err);
    if (cli->json)
        return lk_cli_print(json_pack("{s:s}", "status", done), &failed) == LIKEN_OK ? LK_EXIT_DONE
                                                                                     : lk_cli_failed(cli, &failed);
    (void)printf("%s\n", done);
    return LK_EXIT_DONE;
}

static int create(const lk_cli *cli) {
    liken_error err = {0};
    const liken_options options = lk_cli_options(cli, true);
    const liken_call call = lk_cli_call_telling(on_progress, NULL);
    char **copies = calloc(cli->count, sizeof *copies);
    liken_shard_address *shards = calloc(cli->count, sizeof *shards);
    int code = LK_EXIT_FAILED;
    size_t read = 0;
    if (copies == NULL || shards == NULL)
        (void)lk_fail_memory(&err);
    else
        while (read < cli->count && read_shard(cli->words[read], &copies[read], &shards[read]))
            read++;
    if (read == cli->count)
        code = finish(cli, liken_cluster_create(&options, &call, shards, cli->count, &err), &err, "created");
    else
        code = lk_cli_usage(cli, "Each shard is NAME=postgres://user@host/database.");
    for (size_t i = 0; copies != NULL && i < cli->count; i++)
        free(copies[i]);
    free(copies);
    free(shards);
    return code;
}

static int add(const lk_cli *cli) {
    liken_error err = {0};
    const liken_options options = lk_cli_options(cli, true);
    const liken_call call = lk_cli_call_telling(on_progress, NULL);
    liken_shard_address shard;
    LK_FREE char *copy = NULL;
    if (!read_shard(cli->words[0], &copy, &shard))
        return lk_cli_usage(cli, "A shard is NAME=postgres://user@host/database.");
    return finish(cli, liken_cluster_add(&options, &call, &shard, &err), &err, "added");
}

static int balance(const lk_cli *cli) {
    liken_error err = {0};
    const liken_options options = lk_cli_options(cli, true);
    const liken_call call = lk_cli_call_telling(on_progress, NULL);
    return finish(cli, liken_cluster_balance(&options, &call, &err), &err, "balanced");
}

/* ---- status, clean ---- */

static json_t *shard_json(const liken_shard *s) {
    json_t *json =
        json_pack("{s:o, s:o, s:o, s:i, s:o, s:I}", "name", lk_json_text(s->name), "where", lk_json_text(s->where),
                  "trouble", lk_json_text(s->trouble), "buckets", s->buckets, "faces",
                  s->faces < 0 ? json_null() : json_integer(s->faces), "bytes", (json_int_t)s->bytes);
    if (json != NULL && s->orphans >= 0)
        (void)json_object_set_new(json, "orphans", json_integer(s->orphans));
    if (json != NULL && s->missing >= 0)
        (void)json_object_set_new(json, "missing", json_integer(s->missing));
    return json;
}

static const char *engine_of(const liken_cluster *c) {
    return c->citus ? "citus" : "postgres_fdw";
}

static int print_status_json(const liken_cluster *c, liken_error *err) {
    json_t *shards = json_array();
    for (size_t i = 0; i < c->shard_count; i++) {
        if (json_array_append_new(shards, shard_json(&c->shards[i])) != 0) {
            json_decref(shards);
            return lk_fail_memory(err);
        }
    }
    return lk_cli_print(json_pack("{s:s, s:I, s:i, s:I, s:o}", "engine", engine_of(c), "faces", (json_int_t)c->faces,
                                  "buckets", c->buckets, "gone", (json_int_t)c->gone, "shards", shards),
                        err);
}

static void print_shard(const liken_shard *s) {
    char size[32], faces[40] = "not counted yet";
    LK_FREE char *text = lk_printable(s->trouble != NULL ? s->trouble : s->where);
    if (s->trouble != NULL) {
        (void)printf("%-16s %3d buckets  DOWN: %s\n", s->name, s->buckets, text == NULL ? "?" : text);
        return;
    }
    if (s->faces >= 0)
        (void)snprintf(faces, sizeof faces, "%10" PRId64 " descriptors", s->faces);
    (void)printf("%-16s %3d buckets  %22s  %8s  %s\n", s->name, s->buckets, faces,
                 human((double)s->bytes, size, sizeof size), text == NULL ? "?" : text);
    if (s->orphans > 0)
        (void)printf("%-16s %" PRId64 " descriptors belong to no face; remove them: liken cluster clean\n", "",
                     s->orphans);
    if (s->missing > 0)
        (void)printf("%-16s %" PRId64 " faces HAVE NO DESCRIPTOR: no search finds them; restore this shard from its "
                     "backup\n",
                     "", s->missing);
}

static void print_status(const liken_cluster *c) {
    (void)printf("%" PRId64 " faces in %d buckets on %zu %s, by %s\n", c->faces, c->buckets, c->shard_count,
                 c->shard_count == 1 ? "shard" : "shards", engine_of(c));
    for (size_t i = 0; i < c->shard_count; i++)
        print_shard(&c->shards[i]);
    if (c->gone > 0)
        (void)printf("%" PRId64 " descriptors of removed faces wait to be removed.\n", c->gone);
}

static bool is_well(const liken_cluster *c) {
    for (size_t i = 0; i < c->shard_count; i++) {
        if (c->shards[i].trouble != NULL || c->shards[i].missing > 0)
            return false;
    }
    return true;
}

static int status(const lk_cli *cli) {
    liken_error err = {0};
    const liken_options options = lk_cli_options(cli, true);
    liken_cluster *c = NULL;
    int rc = liken_cluster_status(&options, lk_cli_call(), lk_config_switch(cli->config, LK_SET_DEEP), &c, &err);
    if (rc == LIKEN_OK && cli->json)
        rc = print_status_json(c, &err);
    else if (rc == LIKEN_OK)
        print_status(c);
    const bool well = rc == LIKEN_OK && is_well(c);
    liken_cluster_free(c);
    if (rc != LIKEN_OK)
        return lk_cli_failed(cli, &err);
    return well ? LK_EXIT_DONE : LK_EXIT_FAILED;
}

static int clean(const lk_cli *cli) {
    liken_error err = {0};
    const liken_options options = lk_cli_options(cli, true);
    const liken_call call = lk_cli_call_telling(on_progress, NULL);
    int64_t removed = 0;
    int rc = liken_cluster_clean(&options, &call, &removed, &err);
    if (rc == LIKEN_OK && cli->json)
        rc = lk_cli_print(json_pack("{s:I}", "removed", (json_int_t)removed), &err);
    else if (rc == LIKEN_OK)
        (void)printf("Removed %" PRId64 " descriptors that belonged to no face.\n", removed);
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}

int lk_cmd_cluster(const lk_cli *cli) {
    static const lk_verb verbs[] = {{"plan", 1, 1, plan},       {"create", 1, 64, create}, {"add", 1, 1, add},
                                    {"balance", 0, 0, balance}, {"status", 0, 0, status},  {"clean", 0, 0, clean},
                                    {"sweep", 0, 0, clean}}; /* the same by another name */
    return lk_cli_verb(cli, verbs, LK_LENGTH(verbs));
}
