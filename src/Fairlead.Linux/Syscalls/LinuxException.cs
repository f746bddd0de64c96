using System.Runtime.InteropServices;

namespace Fairlead.Linux;

/// <summary>A system call that the kernel refused.</summary>
public class LinuxException(Errno errno, string message) : IOException(message)
{
    /// <summary>The kernel's reason.</summary>
    public Errno Errno { get; } = errno;

    internal static LinuxException Last(string operation)
    {
        int number = Marshal.GetLastPInvokeError();
        return From((Errno)number, operation);
    }

    internal static LinuxException From(Errno errno, string operation) =>
        new(errno, $"{operation}: {Marshal.GetPInvokeErrorMessage((int)errno)} ({(int)errno})");
}
