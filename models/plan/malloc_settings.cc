// jemalloc reads this before main(). Its default otherwise, that what nobody
// needed for 10 s goes back to the kernel, is wanted.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "thp:always";  // Huge pages.
}
