using System.Runtime.InteropServices;
using Fairlead.Linux.Syscalls;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Processes;

/// <summary>
/// The controlling side of a pseudo terminal as a stream; owns the descriptor. Reading ends (0 bytes) when the last process
/// on the other side has closed it, which the kernel reports as EIO.
/// </summary>
public sealed class TerminalStream : Stream
{
    private const int GetFlags = 3, SetFlags = 4;
    private readonly SafeFileHandle _handle;

    /// <summary>Takes over a terminal's descriptor.</summary>
    public TerminalStream(SafeFileHandle handle)
    {
        _handle = handle;
        int flags = Libc.DescriptorControl(handle, GetFlags, 0);
        _ = Libc.DescriptorControl(handle, SetFlags, flags | Libc.NonBlocking);
    }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Tells the programs on the terminal its size in characters (TIOCSWINSZ); they get SIGWINCH.</summary>
    public void Resize(ushort columns, ushort rows) => Resize(_handle, columns, rows);

    /// <summary>Sets the size of any terminal, in characters.</summary>
    public static unsafe void Resize(SafeFileHandle terminal, ushort columns, ushort rows)
    {
        ushort* size = stackalloc ushort[4] { rows, columns, 0, 0 };
        if (Libc.DeviceControl(terminal, Libc.SetWindowSize, size) < 0)
        {
            throw LinuxException.Last("resize terminal");
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            nint count = TryRead(buffer.Span, out Errno errno);
            if (count >= 0 || errno == Errno.InputOutput)
            {
                return (int)Math.Max(count, 0);
            }
            if (errno == Errno.TryAgain)
            {
                await Readiness.WaitReadableAsync(_handle, cancellationToken).ConfigureAwait(false);
            }
            else if (errno != Errno.Interrupted)
            {
                throw LinuxException.From(errno, "read terminal");
            }
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            nint count = TryWrite(buffer.Span, out Errno errno);
            if (count >= 0)
            {
                buffer = buffer[(int)count..];
            }
            else if (errno == Errno.TryAgain)
            {
                await Readiness.WaitWritableAsync(_handle, cancellationToken).ConfigureAwait(false);
            }
            else if (errno != Errno.Interrupted)
            {
                throw LinuxException.From(errno, "write terminal");
            }
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) =>
        WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
        // Nothing is held back here.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _handle.Dispose();
        }
        base.Dispose(disposing);
    }

    private unsafe nint TryRead(Span<byte> buffer, out Errno errno)
    {
        fixed (byte* data = buffer)
        {
            nint count = Libc.Read(_handle, data, (nuint)buffer.Length);
            errno = count < 0 ? (Errno)Marshal.GetLastPInvokeError() : Errno.None;
            return count;
        }
    }

    private unsafe nint TryWrite(ReadOnlySpan<byte> buffer, out Errno errno)
    {
        fixed (byte* data = buffer)
        {
            nint count = Libc.Write(_handle, data, (nuint)buffer.Length);
            errno = count < 0 ? (Errno)Marshal.GetLastPInvokeError() : Errno.None;
            return count;
        }
    }
}
