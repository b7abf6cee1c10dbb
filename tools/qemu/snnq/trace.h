#include "trace/trace-hw_misc_snnq.h"
