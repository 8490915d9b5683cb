// jemalloc reads this before main(): huge pages, and what a step frees stays
// with the process for the next one, however long that takes.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "thp:always,dirty_decay_ms:-1";
}
