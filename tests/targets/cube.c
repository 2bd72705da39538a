/* y = x^3 and dx = 3 x^2 dy for one-dimensional float64 arrays, in plain C.
 *
 *     cube IN OUT [FACTOR]
 *
 * Reads and writes .npz files as NumPy's savez does: a zip archive of uncompressed .npy files. FACTOR
 * multiplies the gradient, to see that a wrong one is found. Arrays have one row for each point; as each
 * number is cubed by itself, all that matters of that is to write as many rows.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *file;
static long length;

static uint32_t number(const unsigned char *at, int bytes) {
    uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) value = value << 8 | at[i];
    return value;
}

/* The numbers of the array called name, or NULL; rows and count get how many there are. */
static double *array(const char *name, long *rows, long *count) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s.npy", name);
    unsigned char *end = file + length - 22; /* the end of the archive's directory */
    unsigned char *entry = file + number(end + 16, 4);
    for (int left = number(end + 10, 2); left > 0; left--) {
        int named = number(entry + 28, 2);
        unsigned char *data = file + number(entry + 42, 4);
        data += 30 + number(data + 26, 2) + number(data + 28, 2);
        if (named == (int)strlen(wanted) && !memcmp(entry + 46, wanted, named)) {
            int header = 10 + number(data + 8, 2);
            *count = (number(entry + 24, 4) - header) / 8;
            *rows = atol(strstr((char *)data + 10, "'shape': (") + 10);
            double *values = malloc(*count * sizeof(double) + 1);
            memcpy(values, data + header, *count * sizeof(double));
            return values;
        }
        entry += 46 + named + number(entry + 30, 2) + number(entry + 32, 2);
    }
    return NULL;
}

static uint32_t crc32_of(const unsigned char *data, long size) {
    uint32_t crc = ~0u;
    for (long i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put(unsigned char *at, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) at[i] = value >> 8 * i & 255;
}

static unsigned char directory[1024];
static int entries, directory_size;

/* Append an array of shape (rows, count / rows) to an archive. */
static void append(FILE *out, const char *name, const double *values, long rows, long count) {
    char path[64], text[118];
    int named = snprintf(path, sizeof path, "%s.npy", name);
    snprintf(text, sizeof text, "{'descr': '<f8', 'fortran_order': False, 'shape': (%ld, %ld), }", rows,
             count / rows);
    long size = 128 + 8 * count, start = ftell(out);
    unsigned char *data = calloc(1, size);
    memcpy(data, "\x93NUMPY\x01\x00\x76\x00", 10);
    memset(data + 10, ' ', 117);
    memcpy(data + 10, text, strlen(text));
    data[127] = '\n';
    memcpy(data + 128, values, 8 * count);
    unsigned char head[46] = {0};
    put(head, 0x04034b50, 4), put(head + 4, 20, 2), put(head + 14, crc32_of(data, size), 4);
    put(head + 18, size, 4), put(head + 22, size, 4), put(head + 26, named, 2);
    fwrite(head, 1, 30, out), fwrite(path, 1, named, out), fwrite(data, 1, size, out);
    unsigned char *entry = directory + directory_size;
    put(entry, 0x02014b50, 4), put(entry + 4, 20, 2), memcpy(entry + 6, head + 4, 26);
    put(entry + 42, start, 4), memcpy(entry + 46, path, named);
    directory_size += 46 + named, entries++, free(data);
}

int main(int argc, char **argv) {
    FILE *in = argc > 2 ? fopen(argv[1], "rb") : NULL;
    if (!in) return fprintf(stderr, "usage: cube IN OUT [FACTOR]\n"), 1;
    fseek(in, 0, SEEK_END), length = ftell(in), rewind(in);
    file = malloc(length);
    if (fread(file, 1, length, in) != (size_t)length) return 1;
    long rows, count;
    double *x = array("x", &rows, &count), *dy = array("cotangent", &rows, &count);
    if (!x) return fprintf(stderr, "there is no x\n"), 1;
    double factor = argc > 3 ? atof(argv[3]) : 1.0, *result = malloc(count * sizeof(double) + 1);
    FILE *out = fopen(argv[2], "wb");
    for (long i = 0; i < count; i++) result[i] = x[i] * x[i] * x[i];
    append(out, "out", result, rows, count);
    for (long i = 0; dy && i < count; i++) result[i] = factor * 3 * x[i] * x[i] * dy[i];
    if (dy) append(out, "grad/x", result, rows, count);
    unsigned char end[22] = {0};
    put(end, 0x06054b50, 4), put(end + 8, entries, 2), put(end + 10, entries, 2);
    put(end + 12, directory_size, 4), put(end + 16, ftell(out), 4);
    fwrite(directory, 1, directory_size, out), fwrite(end, 1, 22, out);
    return fclose(out) != 0;
}
