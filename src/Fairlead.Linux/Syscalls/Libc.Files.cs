using System.Runtime.InteropServices;

namespace Fairlead.Linux.Syscalls;

internal static partial class Libc
{
    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Rename(string from, string to);
}
