using Fairlead.Linux.Syscalls;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Processes;

/// <summary>A new pseudo terminal (pts(4)): the controlling side as a stream, the other one as a path for a program to open.</summary>
public sealed class PseudoTerminal : IDisposable
{
    private const nuint SetLock = 0x40045431, GetNumber = 0x80045430;

    private PseudoTerminal(TerminalStream stream, string path)
    {
        Stream = stream;
        Path = path;
    }

    public TerminalStream Stream { get; }

    /// <summary><c>/dev/pts/N</c></summary>
    public string Path { get; }

    /// <exception cref="LinuxException">No more terminals, or no /dev/ptmx.</exception>
    public static unsafe PseudoTerminal Open()
    {
        const int ReadWrite = 2, NoControl = 0x100;
        int descriptor = Libc.Open("/dev/ptmx", ReadWrite | NoControl | Libc.CloseOnExec, 0);
        if (descriptor < 0)
        {
            throw LinuxException.Last("open /dev/ptmx");
        }
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        int unlocked = 0, number;
        if (Libc.DeviceControl(handle, SetLock, &unlocked) < 0 || Libc.DeviceControl(handle, GetNumber, &number) < 0)
        {
            LinuxException failure = LinuxException.Last("prepare terminal");
            handle.Dispose();
            throw failure;
        }
        return new PseudoTerminal(new TerminalStream(handle), $"/dev/pts/{number}");
    }

    public void Dispose() => Stream.Dispose();
}
