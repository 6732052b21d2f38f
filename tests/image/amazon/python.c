/* What `./configure --with-platlibdir=lib64` compiles into a Python, said to Debian's library of Python instead: the
   standard library in /usr/lib64. `site` is frozen into that library, so the patched one is frozen in here and comes
   before it. Everything else is what Python's own main() does. */
#include <Python.h>
#include "site.h"

static const struct _frozen patched[] = {{"site", site_code, sizeof site_code, 0}, {NULL, NULL, 0, 0}};

int main(int argc, char **argv) {
    PyImport_FrozenModules = patched;
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    PyStatus status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (!PyStatus_Exception(status)) {
        status = PyConfig_SetString(&config, &config.platlibdir, L"lib64");
    }
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
    return Py_RunMain();
}
