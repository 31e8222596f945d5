/*
 * A clock for cron that moves only when cron sleeps, so that hours pass in a second and always in the same way.
 *
 * Preloaded into Debian's own cron, which is not changed. The file named by $CLOCK_MOMENTS has the moments that cron
 * is to live through, one a line, in seconds since 1970. cron sees each of them: when it sleeps until the next
 * minute, the next moment comes, however far away it is. After the last one it ends.
 *
 * What cron logs goes to the file named by $CLOCK_LOG, each message with the moment before it. A job ends where it
 * would become a shell, right after cron has logged its command.
 *
 * Compiled with `tcc -shared -nostdlib`, without headers: what is used of the C library is declared here.
 */
typedef long time_t;
typedef struct stream FILE;

extern FILE *fopen(const char *path, const char *mode);
extern int fclose(FILE *stream);
extern int fscanf(FILE *stream, const char *format, ...);
extern char *getenv(const char *name);
extern int *__errno_location(void);
extern int open(const char *path, int flags, ...);
extern int close(int file);
extern long write(int file, const void *bytes, unsigned long count);
extern int snprintf(char *text, unsigned long size, const char *format, ...);
extern int vsnprintf(char *text, unsigned long size, const char *format, __builtin_va_list arguments);
extern char *strstr(const char *text, const char *part);
extern int wait(int *status);
extern void _exit(int code);

#define EINTR 4
#define MOST_MOMENTS 65536
#define APPEND 02001 /* O_WRONLY | O_APPEND */
#define CATCH_UP_PAUSE 10 /* cron.c: sleep(10) between the minutes that it makes up for */

static time_t moments[MOST_MOMENTS];
static int known, passed;

/* All at once: a stream that is left open would be shared with the jobs, and its place in the file with it. */
static void read_moments(void)
{
    FILE *file = fopen(getenv("CLOCK_MOMENTS"), "r");

    while (file && known < MOST_MOMENTS && fscanf(file, "%ld", &moments[known]) == 1)
        known++;
    if (!known)
        _exit(3);
    fclose(file);
}

time_t time(time_t *where)
{
    if (!known)
        read_moments();
    if (where)
        *where = moments[passed];
    return moments[passed];
}

static void wait_for_all_jobs(void)
{
    while (wait(0) > 0 || *__errno_location() == EINTR)
        ;
}

/* The pause while catching up ends when a job ends (SIGCHLD), and here jobs end at once: it takes no time. */
unsigned int sleep(unsigned int seconds)
{
    wait_for_all_jobs();
    if (seconds != CATCH_UP_PAUSE && ++passed == known)
        _exit(0);
    return 0;
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    char message[4096], line[4200];
    __builtin_va_list arguments;
    int file = open(getenv("CLOCK_LOG"), APPEND);

    __builtin_va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    __builtin_va_end(arguments);
    write(file, line, snprintf(line, sizeof line, "%ld %s\n", time(0), message));
    close(file);
    if (strstr(message, ") CMD ("))
        _exit(0);
}
