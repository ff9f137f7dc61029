/* commands.c - the table of commands: help, man pages, completion and what main runs come from these rows. */
#include "cli/cli.h"

/* Where the gallery is. */
#define GALLERY (LK_BIT(DATA) | LK_BIT(STORE) | LK_BIT(LEGACY_TABLE))

/* What reads photos takes these. */
#define PHOTO                                                                                                          \
    (GALLERY | LK_BIT(INDEX_MEMORY) | LK_BIT(MODELS) | LK_BIT(PACK) | LK_BIT(DETECTOR) | LK_BIT(THREADS) |             \
     LK_BIT(MAX_FILE) | LK_BIT(MAX_MEGAPIXELS) | LK_BIT(MAX_FACES) | LK_BIT(MIN_FACE) | LK_BIT(THOROUGH) |             \
     LK_BIT(SANDBOX))

#define INTERRUPTED                                                                                                    \
    { LK_EXIT_INTERRUPTED, "interrupted; what was finished is kept" }

const lk_command lk_commands[] = {
    {.name = "add",
     .synopsis = "PATH...",
     .summary = "find the faces in photos and keep them",
     .description =
         "Each PATH is a photo, a folder, a zip or tar, the address of a photo (https://...), or - for a list of these "
         "on standard input, one a line. Folders are "
         "walked, sorted by name; links to folders are followed once, last. What starts with a dot and what file "
         "servers keep beside photos (@eaDir, #recycle, $RECYCLE.BIN ...) is left out, unless --include-hidden, and "
         "so is what --exclude names. A file in a folder that is no photo at all is named and left; a file that you "
         "named yourself counts as failed.\n\n"
         "A photo's label is its path as it was given the first time, or from the root where another file has that "
         "label, and it names one photo: a photo may have several labels, and one whose file now holds another goes "
         "with its last. A file is known by where it lies, by whatever path and from whatever folder it is named. One "
         "that looks as it did when it was read last, by size, time and inode, is not read again, unless --verify. "
         "Files that are gone are left alone, unless --prune: then the labels of those that lay below each folder "
         "named are counted, and taken away when you say so (or with --yes), and photos with their last. What lay "
         "below a folder that is now empty stays: its disk may not be mounted.\n\n"
         "A photo whose bytes are in the collection already is not decoded; what is new of label, --image-id and "
         "--tag is added to it, and --captured-at where it had no time. So a run that was interrupted is taken up "
         "again by the same command. The first Ctrl-C "
         "finishes the photos in progress, the second quits at once; either way nothing is half there.\n\n"
         "An archive (.zip, .tar, also with gzip, bzip2 or zstd) that you named is read like a folder, and nothing is "
         "unpacked to disk; its photos are called by its path from the root and their names in it. Archives in folders "
         "and in archives are left.\n\n"
         "An address is fetched when --allow-host names its host, and those that it redirects to, and only from public "
         "addresses: hosts in your own network are asked when their numeric address is named as well, like 10.1.2.3 or "
         "10.1.0.0/16. Proxies, cookies and passwords are not used. The address is the photo's label; "
         "docs/fetching.md has the codes of what is refused.\n\n"
         "With --json one object a line is printed for each photo, in the order of the paths, with a status "
         "(added, existed, skipped, failed; existed is \"unchanged\" where the file was not read; \"replaced\" is the "
         "photo that lost its label to this one), then one for each label that is pruned, and at the end an object "
         "with the summary.\n\n"
         "--report writes the same into a file, for every photo its outcome, its faces, the refused ones with reason "
         "and advice, and why it failed: JSON lines as --json prints them, or CSV. It is written as photos are done, "
         "and also when the first Ctrl-C ends the run; docs/taking.md has the columns.",
     .settings = PHOTO | LK_BIT(COLLECTION) | LK_BIT(IMAGE_ID) | LK_BIT(FILE_LABEL) | LK_BIT(TAG) |
                 LK_BIT(CAPTURED_AT) | LK_BIT(REQUIRE_FACE) | LK_BIT(PRUNE) | LK_BIT(YES) | LK_BIT(VERIFY) |
                 LK_BIT(INCLUDE_HIDDEN) | LK_BIT(EXCLUDE) | LK_BIT(NULL) | LK_BIT(ALLOW_HOST) | LK_BIT(REPORT),
     .least = 1,
     .most = LK_ANY,
     .exits = {{LK_EXIT_FAILED, "some photos could not be added, each is named; or what was to be pruned was not"},
               INTERRUPTED},
     .examples = {{"liken add ~/Photos", "Every photo below the folder."},
                  {"liken add --prune ~/Photos", "Once more, and forget the photos that are gone."},
                  {"find /srv -newer stamp -print0 | liken add -0 -", "Whatever another program lists."},
                  {"liken add --report ~/added.csv ~/Photos", "What became of each photo, as a table."},
                  {"liken add --captured-at 1994-08-01 ~/Scans/1994", "Scans, of which EXIF says nothing."},
                  {"liken add --allow-host example.org https://example.org/7.jpg", "A photo on the web."},
                  {"liken add --image-id 7 --tag party --file-label https://example.org/7.jpg 7.jpg",
                   "One photo under your own names."}},
     .run = lk_cmd_add},
    {.name = "search",
     .synopsis = "PHOTO...",
     .summary = "find the photos that hold the same face",
     .description =
         "Every face of PHOTO is searched and answered on its own, largest first, or with --main-face the largest "
         "alone; "
         "matches come nearest first. \"20 of 25 matches\" says that five more lie within the threshold, beyond "
         "--limit. "
         "Faces that were seen and are of no use for a search are named, with the reason and what would help.\n\n"
         "Several photos, 32 at most, are views of one person: the largest usable face of each is searched for, and "
         "there "
         "is one list of what is near any of them, each match by its nearest view. A photo that does not seem to show "
         "the person of the others is named. The strangers to expect add up over the views.\n\n"
         "A match shows its distance, a similarity from 0 to 1 (0.5 at the default threshold), the photo's id, "
         "its file label and the face's box as x,y and width x height.\n\n"
         "The threshold is the collection's own unless --threshold says another distance or "
         "--max-false-matches says how many strangers may be expected among the matches: the larger the "
         "collection, the nearer a match must then be.\n\n"
         "--contact-sheet draws one picture of what was found. --csv prints the matches for other programs "
         "(docs/taking.md has the columns). --copy-to copies the matched "
         "photos, each once, into a folder, which is made; a name that is taken gets a number, and a copy that is "
         "there "
         "already is left. Only files that hold the very photo that was added are copied; which could not be is said "
         "at the end. With --json the object has copies: folder, copied (image, file, to, existed), failed (image, "
         "file, error), left (photos that were not come to).",
     .settings = PHOTO | LK_BIT(COLLECTION) | LK_BIT(THRESHOLD) | LK_BIT(MAX_FALSE_MATCHES) | LK_BIT(LIMIT) |
                 LK_BIT(DISTINCT) | LK_BIT(TAG) | LK_BIT(CAPTURED_FROM) | LK_BIT(CAPTURED_TO) | LK_BIT(MAIN_FACE) |
                 LK_BIT(ONE_PER_PHOTO) | LK_BIT(PARTIAL) | LK_BIT(CSV) | LK_BIT(COPY_TO) | LK_BIT(CONTACT_SHEET),
     .least = 1,
     .most = LIKEN_PHOTOS_MAX,
     .exits = {{LK_EXIT_NOTHING, "no usable face in the photo, or no match"},
               {LK_EXIT_FAILED,
                "a photo could not be searched, a matched photo not be copied, or the contact sheet not be written"},
               {LK_EXIT_INTERRUPTED, "interrupted while copying; what was copied is whole"}},
     .examples = {{"liken search me.jpg", "Where else am I?"},
                  {"liken search me.jpg me-as-a-child.jpg", "By several photos of one person at once."},
                  {"liken search --limit 1000 --copy-to ~/for-anna anna.jpg", "All her photos in one folder."},
                  {"liken search --csv me.jpg > matches.csv", "For a spreadsheet."},
                  {"liken search --max-false-matches 0.01 --limit 5 me.jpg", "Only the sure ones."}},
     .run = lk_cmd_search},
    {.name = "compare",
     .synopsis = "PHOTO PHOTO",
     .summary = "tell whether two photos show the same person",
     .description = "Compares every face of the one with every face of the other and answers with the nearest two. The "
                    "model, metric and threshold are those of --collection where it is given, else those of --pack, "
                    "and no gallery is needed. Nothing is stored.",
     .settings = PHOTO | LK_BIT(COLLECTION),
     .least = 2,
     .most = 2,
     .exits = {{LK_EXIT_NOTHING, "not the same person, or no face in one of them"},
               {LK_EXIT_FAILED, "a photo could not be read"}},
     .examples = {{"liken compare a.jpg b.jpg", "The exit code is the answer as well."}},
     .run = lk_cmd_compare},
    {.name = "detect",
     .synopsis = "PHOTO...",
     .summary = "find the faces in photos, storing nothing",
     .description =
         "Prints each face with its box, the detector's confidence and its quality, and each refused face with "
         "the reason. With --json one object is printed for each photo, one a line, in the order given: file, "
         "width, height, detector, model, faces, refused; a photo that cannot be read has file and error "
         "instead.",
     .settings = PHOTO | LK_BIT(DRAW) | LK_BIT(DESCRIBE),
     .least = 1,
     .most = LK_ANY,
     .exits = {{LK_EXIT_FAILED, "some photos could not be read; each is named"},
               {LK_EXIT_NOTHING, "no face in any of them"},
               INTERRUPTED},
     .examples = {{"liken detect --draw faces.jpg party.jpg", "See what liken sees."},
                  {"liken detect --describe --json party.jpg", "Descriptors for other programs."}},
     .run = lk_cmd_detect},
    {.name = "list",
     .synopsis = "",
     .summary = "list the photos of a collection",
     .description = "By id, ascending (or, with --newest, descending): id, when it was added, when it was taken (- "
                    "where that is not known), faces, size, "
                    "file label. Times are of UTC. With --json one object a line.",
     .settings = GALLERY | LK_BIT(COLLECTION) | LK_BIT(IMAGE_ID) | LK_BIT(FILE) | LK_BIT(CAPTURED_FROM) |
                 LK_BIT(CAPTURED_TO) | LK_BIT(LIMIT) | LK_BIT(TAG) | LK_BIT(FILE_PREFIX) | LK_BIT(HAS_FACE) |
                 LK_BIT(HAS_REFUSED) | LK_BIT(NEWEST),
     .least = 0,
     .most = 0,
     .exits = {{LK_EXIT_NOTHING, "no such photo"}, {LK_EXIT_FAILED, "the collection could not be read"}},
     .examples = {{"liken list --image-id 7", "Under your own id."},
                  {"liken list --newest --limit 10 --tag trip --has-face yes", "The last ten of the trip with a face."},
                  {"liken list --captured-from 2026-07-01 --captured-to 2026-07-31", "What was taken in July."}},
     .run = lk_cmd_list},
    {.name = "events",
     .synopsis = "",
     .summary = "tell what happened in a collection",
     .description =
         "Photos added, changed and removed, faces removed, the collection made and changed, in the order in which it "
         "happened and whoever did it: number, time (UTC), kind, ids, and who. The last million of a gallery are kept. "
         "With --after only what came after that number; with --follow it goes on. With --json one object a line.",
     .settings = GALLERY | LK_BIT(COLLECTION) | LK_BIT(AFTER) | LK_BIT(FOLLOW),
     .least = 0,
     .most = 0,
     .exits = {{LK_EXIT_NOTHING, "nothing happened since"},
               {LK_EXIT_FAILED, "the collection could not be read, or --after is too long ago"}},
     .examples = {{"liken events --after 1204", "What came after event 1204."},
                  {"liken events --follow --json", "One object a line for another program, as it happens."}},
     .run = lk_cmd_events},
    {.name = "edit",
     .synopsis = "ID...",
     .summary = "change what is said of photos: tags, time, source, metadata",
     .description =
         "Of the photos with these ids (liken list shows them). --tag, which may be repeated, replaces all tags that "
         "a photo has; --metadata replaces the whole object. What is not named stays as it is. An id that is not there "
         "is told, and the others are done.",
     .settings = GALLERY | LK_BIT(COLLECTION) | LK_BIT(TAG) | LK_BIT(CAPTURED_AT) | LK_BIT(SOURCE) | LK_BIT(METADATA) |
                 LK_BIT(CLEAR),
     .least = 1,
     .most = LK_ANY,
     .exits = {{LK_EXIT_FAILED, "a photo is not there, or could not be changed"}},
     .examples = {{"liken edit 12 13 --tag trip --tag 2026", "These are all the tags that they have then."},
                  {"liken edit 12 --source https://example.org/a --metadata '{\"album\": 7}' --clear captured-at",
                   "Several at once."}},
     .run = lk_cmd_edit},
    {.name = "rm",
     .synopsis = "[ID...]",
     .summary = "remove photos or one face",
     .description =
         "Removes the photos with these ids (liken list shows them), or one face with --face. --file takes a label "
         "(that of the file that lies there now, where a path is said) and --image-id an id from the photo that has "
         "it: a photo that has others stays, and goes with its last. Faces "
         "and descriptors go with their photo; files on disk are never touched. Asks first, unless --yes. A whole "
         "collection is removed by liken collections rm.",
     .settings = GALLERY | LK_BIT(COLLECTION) | LK_BIT(IMAGE_ID) | LK_BIT(FILE) | LK_BIT(FACE) | LK_BIT(YES),
     .least = 0,
     .most = LK_ANY,
     .exits = {{LK_EXIT_NOTHING, "nothing there to remove"}, {LK_EXIT_FAILED, "not removed, or only in part"}},
     .examples = {{"liken rm 12 13", "Two photos."},
                  {"liken rm --yes --file holiday/1.jpg", "By its label, without asking."}},
     .run = lk_cmd_rm},
    {.name = "collections",
     .synopsis = "list | create NAME | set NAME | rm NAME",
     .summary = "list, make, change and remove collections",
     .description =
         "A collection holds photos that are searched together. It keeps the model that described its first "
         "photo and the metric it was made with; the collection called default is always there. rm removes a "
         "collection with everything in it (default is emptied) and asks first, unless --yes.\n\n"
         "--search says where a collection is searched, and set changes it. memory: by liken, the quickest; the "
         "faces must fit. cube and pgvector: by a PostgreSQL store, with its extension of that name. All three "
         "answer the same. hnsw: by an approximate index of pgvector; answers then say that they are, and how "
         "much they find. auto: memory while it fits into --index-memory, else the database.\n\n"
         "--keep says what is kept of each photo for pages that show it, in the store and erased with the photo: a "
         "thumbnail of 400 pixels (about 10 kB), that and a preview of 1280, the thumbnail and the original file, or "
         "nothing. set erases what is kept beyond it; photos that are there get what they lack when they are added "
         "again.",
     .settings = GALLERY | LK_BIT(MODELS) | LK_BIT(PACK) | LK_BIT(DETECTOR) | LK_BIT(METRIC) | LK_BIT(SEARCH) |
                 LK_BIT(KEEP) | LK_BIT(YES),
     .least = 1,
     .most = 2,
     .exits = {{LK_EXIT_FAILED, "not done; the message says why"}},
     .examples = {{"liken collections create --metric l2 old", "As the legacy system compares: raw distances."},
                  {"liken collections set --search cube old", "Let the database compare the faces."},
                  {"liken collections set --keep nothing old", "Erase its thumbnails, and keep no more."}},
     .run = lk_cmd_collections},
    {.name = "cluster",
     .synopsis = "plan FACES | create NAME=WHERE... | add NAME=WHERE | balance | status | clean",
     .summary = "spread a gallery over several PostgreSQL servers",
     .description =
         "--store names the server that keeps collections, photos and faces; the descriptors lie on the others, the "
         "shards, which answer a search all at once. Each shard is NAME=postgres://user@host/database, an empty "
         "database for it alone, reached so by this program and by the first server alike. Rather than in the address, "
         "where other users of the machine can see it, put a password into ~/.pgpass. Where the first server has the "
         "Citus "
         "extension loaded it is Citus that spreads the descriptors, else postgres_fdw; docs/scale.md says what each "
         "takes.\n\n"
         "plan prints what so many faces (10M, 1B) take. create spreads a gallery; nobody can write to it while its "
         "descriptors are copied. add gives a further shard its part, and balance goes on with that where it was "
         "interrupted; both go on under load. status shows the shards, and with --deep also counts descriptors, those "
         "that belong to no face, which a crash may leave and clean removes, and faces that have none, which must not "
         "be.",
     .settings = GALLERY | LK_BIT(DEEP),
     .least = 1,
     .most = LK_ANY,
     .exits = {{LK_EXIT_NOTHING, "the gallery is not spread"},
               {LK_EXIT_FAILED, "not done; or a shard does not answer, or lacks descriptors"}},
     .examples = {{"liken cluster plan 100M", "The arithmetic."},
                  {"liken cluster create --store postgres://db0/liken a=postgres://db1/liken b=postgres://db2/liken",
                   "Two shards."},
                  {"liken cluster add --store postgres://db0/liken c=postgres://db3/liken", "A third, under load."}},
     .run = lk_cmd_cluster},
    {.name = "export",
     .synopsis = "",
     .summary = "write photos, faces and descriptors as JSON lines or CSV",
     .description =
         "Everything that another program needs to take the gallery over: collections, and of each photo its labels, "
         "ids, tags, times, checksum and faces, with boxes, landmarks, quality and descriptors, whose numbers read "
         "back "
         "as the very same. docs/taking.md has the format. Without --collection all collections are written. Reading "
         "is enough: a store that cannot be written to will do. Photos go out by id while others may be added and "
         "removed; what is removed before its turn is not there.\n\n"
         "An export is whole when its last line is of the type end, or, as CSV, when the exit code is 0. A file named "
         "with -o is there only when it is whole. With -o and --json an object with the counts is printed.",
     .settings = GALLERY | LK_BIT(COLLECTION) | LK_BIT(FORMAT) | LK_BIT(OUTPUT),
     .least = 0,
     .most = 0,
     .exits = {{LK_EXIT_NOTHING, "no photo; the export is whole"},
               {LK_EXIT_FAILED, "it is not whole"},
               {LK_EXIT_INTERRUPTED, "interrupted; it is not whole"}},
     .examples = {{"liken export -o gallery.jsonl", "All of it."},
                  {"liken export --collection staff -o staff.csv", "One collection for a spreadsheet."},
                  {"liken export | gzip > gallery.jsonl.gz", "Through a pipe."}},
     .run = lk_cmd_export},
    {.name = "import",
     .synopsis = "WHERE",
     .summary = "copy a table of the legacy system into a collection",
     .description =
         "WHERE is the PostgreSQL server that has the table, as postgres://user@host/database; put a password into "
         "~/.pgpass rather than here, where other users of the machine can see it. The table is (id, file, image_id, "
         "vec_low, vec_high), of which file and image_id may be missing.\n\n"
         "The rows go, each as a photo of one face without a box, into a collection of the model seed, which is "
         "searched as the legacy system searched: photos are described in the legacy system's way, and raw distances "
         "up to 0.6 match. "
         "It is made when it is not there; without --collection it is called seed. Rows that cannot be used are told "
         "of by their ids.\n\n"
         "With --reencode the photos that the column file names are read and described properly instead, into the "
         "collection default or the one named. That works for paths of files that are still there; addresses are not "
         "fetched.\n\n"
         "An import that was interrupted goes on with the same command; nothing is taken twice.",
     .settings = PHOTO | LK_BIT(TABLE) | LK_BIT(COLLECTION) | LK_BIT(REENCODE),
     .least = 1,
     .most = 1,
     .exits = {{LK_EXIT_FAILED, "some rows could not be used, and each is named; or nothing could be read"},
               INTERRUPTED},
     .examples = {{"liken import postgres://db.example.org/faces --table vectors", "The rows as they are."},
                  {"liken import postgres:///faces --reencode", "The photos behind them, described properly."}},
     .run = lk_cmd_import},
    {.name = "move",
     .synopsis = "--from WHERE --to WHERE",
     .summary = "move a gallery to another store",
     .description = "WHERE is sqlite:FOLDER (a data folder; sqlite: alone is the usual one) or a PostgreSQL server, "
                    "postgres://user@host/database. Everything goes over under the ids that it has, so they stay good; "
                    "the new place "
                    "must be empty. Then both are read and every photo is compared. The old gallery is left as it is; "
                    "remove it when "
                    "the new one is in use. Stop what writes to it first: a change meanwhile is found, and then the "
                    "move must begin "
                    "again.\n\n"
                    "A move that was interrupted goes on with the same command; until it is finished the new place "
                    "cannot be opened. "
                    "Keys belong to a data folder and do not move.",
     .settings = LK_BIT(FROM) | LK_BIT(TO),
     .least = 0,
     .most = 0,
     .exits = {{LK_EXIT_FAILED, "not moved, or not wholly"}, INTERRUPTED},
     .examples = {{"liken move --from sqlite: --to postgres://db.example.org/liken", "It has outgrown one machine."},
                  {"liken move --from postgres:///liken --to sqlite:/srv/liken", "And back."}},
     .run = lk_cmd_move},
    {.name = "upgrade",
     .synopsis = "[COLLECTION]",
     .summary = "describe a collection by another model pack, while it is in use",
     .description =
         "The faces of COLLECTION (default: the collection default) are described by the pack of --pack (default: "
         "the best that is installed), beside what is there: from the originals that are kept, and from the photos' "
         "own "
         "files, wherever their labels lead (only below --photo-folders where those are named), if they have the bytes "
         "that were added. Nothing is looked for anew: each face is where it was found, and keeps its id. Searches and "
         "additions go on meanwhile, here and elsewhere, and photos that are added are taken along. A run that is "
         "interrupted, or killed, goes on with the same command.\n\n"
         "Then both are compared: by a sample of faces, what matches in other photos now and then, and what of it is "
         "lost or gained is shown, so that you can look at it. A face that the pack sees too poorly goes with the "
         "switch, one that it keeps and that had been refused comes.\n\n"
         "When you say so (or with --yes) the collection is switched, in one moment and for every process on the "
         "gallery: an answer is of the one model or of the other. Each machine that serves the gallery needs the pack. "
         "Photos that have no pixels any more are counted, and it is not switched unless --drop-missing says that "
         "their faces may go.\n\n"
         "What was there is kept: --back is the way back, the same way, and --finish lets go of it. Until then the "
         "descriptors take twice their room. A collection that is searched inside PostgreSQL is to be searched in "
         "memory while it changes; a gallery that is spread over servers cannot change.",
     .settings = PHOTO | LK_BIT(PHOTO_FOLDERS) | LK_BIT(BACK) | LK_BIT(FINISH) | LK_BIT(DROP_MISSING) | LK_BIT(SAMPLE) |
                 LK_BIT(YES),
     .least = 0,
     .most = 1,
     .exits = {{LK_EXIT_FAILED, "not switched: photos have no pixels any more, or it failed"}, INTERRUPTED},
     .examples = {{"liken upgrade --pack reid", "Prepare it for collection default, show what changes, and ask."},
                  {"liken upgrade staff --pack reid --yes", "Another collection, at night."},
                  {"liken upgrade staff --back --yes", "It was better before."},
                  {"liken upgrade staff --finish", "It is good; let go of the former model."}},
     .run = lk_cmd_upgrade},
    {.name = "serve",
     .synopsis = "",
     .summary = "answer over HTTP",
     .description =
         "Serves the collections over HTTP until SIGTERM or Ctrl-C, which finishes what was accepted; a second "
         "one quits at once. The address is printed on standard output when the server is ready; the log goes "
         "to standard error.\n\n"
         "With no key on a loopback address the server is open to this machine and says so. On any other "
         "address it does not start without a key; liken keys add makes one. The first key closes an open "
         "server at once, and it stays closed while it runs, even without keys.",
     .settings = PHOTO | LK_BIT(ADDRESS) | LK_BIT(PORT) | LK_BIT(KEY_FILE) | LK_BIT(LEGACY_COLLECTION) | LK_BIT(QUEUE) |
                 LK_BIT(QUEUE_TIMEOUT) | LK_BIT(STORE_THREADS) | LK_BIT(IDLE_TIMEOUT) | LK_BIT(MAX_CONNECTIONS) |
                 LK_BIT(MAX_PER_ADDRESS) | LK_BIT(ADDRESS_RATE) | LK_BIT(TLS_CERT) | LK_BIT(TLS_KEY) |
                 LK_BIT(TRUSTED_PROXIES) | LK_BIT(FORWARDED_HEADER) | LK_BIT(PUBLIC_URL) | LK_BIT(ALLOWED_ORIGINS) |
                 LK_BIT(PHOTO_FOLDERS) | LK_BIT(LOG_JSON),
     .least = 0,
     .most = 0,
     .exits = {{LK_EXIT_FAILED, "the server could not start"}},
     .examples = {{"liken serve", "On http://127.0.0.1:9000."},
                  {"liken serve --address 0.0.0.0 --port 80", "For others; needs a key."},
                  {"liken serve --legacy-collection seed",
                   "The old system's clients find what liken import took over."}},
     .run = lk_cmd_serve},
    {.name = "models",
     .synopsis = "list | install [NAME...] | verify [NAME...] | calibrate PACK PAIRS.csv",
     .summary = "list, install, verify and calibrate model packs",
     .description =
         "Networks come as packs of weights, which are fetched once and checked against pinned sha256 sums. "
         "install without a name takes yunet, which finds faces, reid, which describes them (where it cannot be "
         "had mobilefacenet), and faceapi, which does both less well, has the sample photos, and is needed only where "
         "one of the others cannot be had. New collections get the best that is installed; those that are there keep "
         "theirs. verify without a name checks every installed pack.\n\n"
         "calibrate measures what a distance means to a pack of your own (docs/models.md), on pairs of photos as eval "
         "takes them, and writes that into the pack's folder: curves for both metrics, and thresholds where one pair "
         "of strangers in 10,000 matches, or in 1,000 where the photos tell no more. It takes 10,000 pairs of "
         "different people, which are counted among all the files, and 10 pairs of one person; more are better.",
     .settings = LK_BIT(MODELS) | LK_BIT(DETECTOR) | LK_BIT(THREADS) | LK_BIT(MAX_FILE) | LK_BIT(MAX_MEGAPIXELS) |
                 LK_BIT(MAX_FACES) | LK_BIT(SANDBOX),
     .least = 1,
     .most = LK_ANY,
     .exits = {{LK_EXIT_FAILED, "a pack could not be installed, is damaged, or there are too few pairs to calibrate"}},
     .examples = {{"liken models install", "What most people need."},
                  {"liken models install dlib", "The full-precision descriptors."},
                  {"liken models calibrate mine pairs.csv", "What a distance means to a network of your own."}},
     .run = lk_cmd_models},
    {.name = "keys",
     .synopsis = "list | add NAME | rm NAME",
     .summary = "list, make and remove the server's keys",
     .description =
         "Keys are kept in the gallery's store, so every server on it has the same. A key is shown once, when it is "
         "made; only its hash is kept. --scope says what it may do, and with --collection it opens that collection "
         "only, which --yes lets be one that is still to be made. --expires, --rate, --max-limit and --max-threshold "
         "hold "
         "it back; list shows them, and to a minute when the key was used last (not of keys in a file). A running "
         "server takes changes up at once. The file "
         "of keys that an older liken had in the data folder is taken over and renamed to keys.taken-over. With "
         "--key-file, keys are in that file instead, and with --legacy-table in the file keys of the data folder.",
     .settings = GALLERY | LK_BIT(KEY_FILE) | LK_BIT(SCOPE) | LK_BIT(COLLECTION) | LK_BIT(EXPIRES) | LK_BIT(RATE) |
                 LK_BIT(MAX_LIMIT) | LK_BIT(MAX_THRESHOLD) | LK_BIT(YES),
     .least = 1,
     .most = 2,
     .exits = {{LK_EXIT_NOTHING, "no such key"}, {LK_EXIT_FAILED, "not done; the message says why"}},
     .examples = {{"liken keys add --scope search,add website", "Prints the key."},
                  {"liken keys add --scope search --expires 30d --rate 60/min --max-limit 5 kiosk",
                   "For a month, once a second, five matches a face."}},
     .run = lk_cmd_keys},
    {.name = "calibrate",
     .synopsis = "[COLLECTION]",
     .summary = "show whether the pack's distances hold in a collection",
     .description =
         "Takes up to 4096 good faces of the collection by chance, whole photos of them, compares all with each other, "
         "and prints what share of the pairs lies within a distance, beside what the pack's curve says of strangers. "
         "Each row is a distance at which the pack's rate of strangers is the one named, and the threshold.\n\n"
         "one photo: pairs of faces of one photo. They are two people, so this column should not be far above the "
         "pack's; strangers in one photo are harder to tell apart (same light, often family), and a collage, a mirror "
         "or a picture of a picture shows one person twice.\n\n"
         "photos: pairs of different photos. Those of one person are among them, and nobody has said which they are: "
         "where the column is far above the pack's, on the near side, it is mostly they. strangers: what is left "
         "without them, an estimate from the far side, where most pairs lie. Where it is above the pack's the people "
         "of the collection are more alike than people are on the whole, and a smaller --threshold promises what the "
         "pack's does. nearest: faces whose nearest one in another photo, of those compared, lies there.\n\n"
         "A dash: fewer than ten pairs lie there. Nothing is changed; `liken models calibrate` is another thing, "
         "which gives a pack of your own its curve.",
     .settings = PHOTO | LK_BIT(SVG),
     .least = 0,
     .most = 1,
     .exits = {{LK_EXIT_FAILED, "the collection holds too few faces, or could not be read"}, INTERRUPTED},
     .examples = {{"liken calibrate", "The table, of the collection default."},
                  {"liken calibrate --svg party.svg party", "The table, and the curves to look at."}},
     .run = lk_cmd_calibrate},
    {.name = "eval",
     .synopsis = "PAIRS.csv",
     .summary = "measure how well same and different people are told apart",
     .description =
         "PAIRS.csv has a header and the columns file_a, file_b, same (1 or 0) and, if wanted, source and "
         "fold. Paths are relative to its folder. Each file is described once. Where a photo holds several "
         "faces the subject is, among those at least half as tall as the tallest, the one nearest the centre. "
         "One row is printed for each source.\n\n"
         "accuracy: each fold is judged with the threshold that is best on the other folds; without folds, ten "
         "are dealt out in the order of the file. A pair with a photo in which no face was found counts as an "
         "error; accuracy_used leaves such pairs out. threshold is the one that is best on all pairs.\n\n"
         "tmr_at_fmr: the share of same pairs within the distance at which the given share of strangers is "
         "accepted. Where fewer than ten strangers' pairs of the file lie within that distance, all pairs of "
         "different people among the source's files are taken as strangers instead, which is steadier; "
         "strangers_at_fmr says which set was used and how large it is. Two files are of different people when "
         "neither their folder nor a chain of same pairs joins them, so each folder should hold one person.",
     .settings = PHOTO | LK_BIT(METRIC) | LK_BIT(DET),
     .least = 1,
     .most = 1,
     .exits = {{LK_EXIT_FAILED, "the file is malformed, or photos could not be read; each is named"}, INTERRUPTED},
     .examples = {{"liken eval --det curve.svg pairs.csv", "The table, and the curve."}},
     .run = lk_cmd_eval},
    {.name = "status",
     .synopsis = "",
     .summary = "say where the gallery is and what it holds",
     .description = "The store, the data folder, and how many collections, photos and faces there are.",
     .settings = GALLERY,
     .least = 0,
     .most = 0,
     .exits = {{LK_EXIT_FAILED, "the store could not be read"}},
     .examples = {{"liken status --store postgres://liken@db/faces", "Of a gallery in PostgreSQL."}},
     .run = lk_cmd_status},
    {.name = "doctor",
     .synopsis = "",
     .summary = "check packs, store, index, CPU and disk",
     .description = "Prints what was looked at and, where something is wrong, how to mend it. Changes nothing.",
     .settings = PHOTO,
     .least = 0,
     .most = 0,
     .exits = {{LK_EXIT_FAILED, "something is wrong"}},
     .examples = {{"liken doctor", "When in doubt."}},
     .run = lk_cmd_doctor},
    {.name = "version",
     .synopsis = "",
     .summary = "print the versions of liken and its libraries",
     .description = "Also the instruction set that the hot loops use on this machine (LIKEN_CPU=scalar lowers it).",
     .settings = 0,
     .least = 0,
     .most = 0,
     .run = lk_cmd_version},
    {.name = "help",
     .synopsis = "[COMMAND]",
     .summary = "say all about a command",
     .description = "Without a name, lists the commands.",
     .settings = 0,
     .least = 0,
     .most = 1,
     .run = lk_cmd_help},
    {.name = "man",
     .synopsis = "[COMMAND]",
     .summary = "print a manual page as roff",
     .description = "Without a name, that of liken itself.",
     .settings = 0,
     .least = 0,
     .most = 1,
     .examples = {{"liken man add | man -l -", "Read it."}},
     .run = lk_cmd_man},
};

const size_t lk_commands_count = LK_LENGTH(lk_commands);
