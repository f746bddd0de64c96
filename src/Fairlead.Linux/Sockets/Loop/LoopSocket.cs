using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Sockets.Loop;

/// <summary>
/// A connected TCP socket of an <see cref="EventLoop"/>. One receive and one send may be under way at a time. Results are counts of bytes, or
/// an error number below zero: what peers do to connections is expected. Hot: nothing is allocated for an operation. For the loop's thread.
/// </summary>
public sealed unsafe class LoopSocket : IDisposable
{
    /// <summary>Result of an operation that its patience ended.</summary>
    public const int TimedOut = -(int)Errno.TimedOut;

    /// <summary>Result of an operation that <see cref="Cancel"/> ended, or on a closed socket.</summary>
    public const int Canceled = -125;

    private const int InProgress = 115;
    private const int LevelSocket = 1, LevelTcp = 6, OptionError = 4, OptionLinger = 13, OptionNoDelay = 1;
    private readonly EventLoop _loop;
    private readonly Readiness _in = new();
    private readonly Readiness _out = new();
    private int _descriptor;
    private bool _mayRead, _mayWrite, _isConnecting;
    private Memory<byte> _into;
    private ReadOnlyMemory<byte> _from;
    private bool _onlyReadiness;
    private int _sent;
    private long _inEnds = long.MaxValue, _outEnds = long.MaxValue;

    private LoopSocket(EventLoop loop, int descriptor, bool isConnected)
    {
        (_loop, _descriptor, _mayWrite) = (loop, descriptor, isConnected);
        Id = loop.Add(this, descriptor, Libc.EpollIn | Libc.EpollOut | Libc.EpollReadHangUp | Libc.EpollEdge);
    }

    public EventLoop Loop => _loop;

    public bool IsClosed => _descriptor < 0;

    /// <summary>The peer ended its side, or the connection broke; bytes may still be there to receive.</summary>
    public bool HasHungUp { get; private set; }

    /// <summary>Bytes, or the end, may be there to receive.</summary>
    public bool MayHaveInput => _mayRead;

    /// <summary>Called when the peer hangs up while nothing is being received.</summary>
    public Action? OnHangUp { get; set; }

    internal ulong Id { get; }

    /// <summary>Takes over a connected descriptor, that of a connection just accepted.</summary>
    public static LoopSocket Adopt(EventLoop loop, int descriptor)
    {
        var one = 1;
        Libc.SetOption(descriptor, LevelTcp, OptionNoDelay, &one, sizeof(int));
        return new LoopSocket(loop, descriptor, isConnected: true);
    }

    /// <summary>A socket, or null with the error number below zero where none can be had or the connection is refused at once.</summary>
    public static LoopSocket? StartConnect(EventLoop loop, IPEndPoint to, out int error)
    {
        var address = to.Serialize();
        var descriptor = Libc.Socket((int)NativeFamily(to.AddressFamily), Libc.StreamSocket | Libc.NonBlocking | Libc.CloseOnExec, 0);
        error = -Marshal.GetLastPInvokeError();
        if (descriptor < 0) return null;
        var one = 1;
        Libc.SetOption(descriptor, LevelTcp, OptionNoDelay, &one, sizeof(int));
        fixed (byte* name = address.Buffer.Span)
        {
            error = Libc.Connect(descriptor, name, (uint)address.Size) == 0 ? 0 : -Marshal.GetLastPInvokeError();
        }
        if (error is 0 or -InProgress) return new LoopSocket(loop, descriptor, error == 0) { _isConnecting = error != 0 };
        Libc.CloseDescriptor(descriptor);
        return null;
    }

    /// <summary>Until a connection that was begun is there: 0, or an error.</summary>
    public ValueTask<int> ConnectedAsync(TimeSpan patience) => _isConnecting ? Begin(_out, ref _outEnds, patience) : new ValueTask<int>(0);

    /// <summary>Bytes received; 0 at the end.</summary>
    public ValueTask<int> ReceiveAsync(Memory<byte> into, TimeSpan patience)
    {
        if (_mayRead)
        {
            var count = Receive(into.Span);
            if (count != -(int)Errno.TryAgain) return new ValueTask<int>(count);
        }
        if (_descriptor < 0) return new ValueTask<int>(Canceled);
        _into = into;
        _onlyReadiness = false;
        return Begin(_in, ref _inEnds, patience);
    }

    /// <summary>Until there is something to receive, the end included, without a buffer: 0, or an error.</summary>
    public ValueTask<int> ReadableAsync(TimeSpan patience)
    {
        if (_mayRead) return new ValueTask<int>(0);
        if (_descriptor < 0) return new ValueTask<int>(Canceled);
        _onlyReadiness = true;
        return Begin(_in, ref _inEnds, patience);
    }

    /// <summary>Sends all of it: its length, or an error.</summary>
    public ValueTask<int> SendAsync(ReadOnlyMemory<byte> from, TimeSpan patience)
    {
        _sent = 0;
        if (_mayWrite)
        {
            var result = Send(from.Span);
            if (result != -(int)Errno.TryAgain) return new ValueTask<int>(result);
        }
        if (_descriptor < 0) return new ValueTask<int>(Canceled);
        _from = from;
        return Begin(_out, ref _outEnds, patience);
    }

    /// <summary>Has the receive under way wait anew.</summary>
    public void ExtendReceive(TimeSpan patience)
    {
        if (_in.IsWaiting) _inEnds = Deadline(patience);
    }

    /// <summary>The peer ended its side and nothing is left to receive, or the connection broke: asks the kernel.</summary>
    public bool HasEnded()
    {
        byte peeked;
        if (_descriptor < 0) return true;
        var count = Libc.Receive(_descriptor, &peeked, 1, Libc.Peek);
        return count == 0 || (count < 0 && Marshal.GetLastPInvokeError() != (int)Errno.TryAgain);
    }

    /// <summary>Nothing has come, and the peer is still there: asks the kernel, not only what it told.</summary>
    public bool IsQuiet()
    {
        byte peeked;
        return !HasHungUp && _descriptor >= 0 && Libc.Receive(_descriptor, &peeked, 1, Libc.Peek) < 0 && Marshal.GetLastPInvokeError() == (int)Errno.TryAgain;
    }

    /// <summary>Ends what is under way with <see cref="Canceled"/>.</summary>
    public void Cancel()
    {
        Finish(_in, ref _inEnds, Canceled);
        Finish(_out, ref _outEnds, Canceled);
    }

    /// <summary>No more is sent; the peer reads the end.</summary>
    public void ShutdownSend()
    {
        if (_descriptor >= 0) _ = Libc.Shutdown(_descriptor, 1);
    }

    /// <summary>Closes so that the peer sees a broken connection, not an end.</summary>
    public void Reset()
    {
        if (_descriptor < 0) return;
        ReadOnlySpan<int> linger = [1, 0];
        fixed (int* value = linger) Libc.SetOption(_descriptor, LevelSocket, OptionLinger, value, 2 * sizeof(int));
        Dispose();
    }

    /// <summary>Leaves the loop and answers the descriptor, which is the caller's from then on. Nothing may be under way.</summary>
    public int Release()
    {
        var descriptor = _descriptor;
        _descriptor = -1;
        _mayRead = _mayWrite = false;
        _loop.Remove(Id, descriptor);
        return descriptor;
    }

    public void Dispose()
    {
        if (_descriptor < 0) return;
        _loop.Forget(Id);
        _ = Libc.CloseDescriptor(_descriptor);
        _descriptor = -1;
        _mayRead = _mayWrite = false;
        OnHangUp = null;
        Cancel();
    }

    internal void OnEvents(uint events)
    {
        var wasReading = _in.IsWaiting;
        if ((events & (Libc.EpollHangUp | Libc.EpollError | Libc.EpollReadHangUp)) != 0) HasHungUp = true;
        if ((events & (Libc.EpollOut | Libc.EpollHangUp | Libc.EpollError)) != 0)
        {
            _mayWrite = true;
            if (_out.IsWaiting) GoOnSending();
        }
        if (_descriptor < 0) return;
        if ((events & (Libc.EpollIn | Libc.EpollReadHangUp | Libc.EpollHangUp | Libc.EpollError)) != 0)
        {
            _mayRead = true;
            if (_in.IsWaiting) GoOnReceiving();
        }
        if (HasHungUp && !wasReading) OnHangUp?.Invoke();
    }

    internal void OnSweep(long now)
    {
        if (now >= _inEnds) Finish(_in, ref _inEnds, TimedOut);
        if (now >= _outEnds) Finish(_out, ref _outEnds, TimedOut);
    }

    private ValueTask<int> Begin(Readiness what, ref long ends, TimeSpan patience)
    {
        ends = Deadline(patience);
        return what.Wait();
    }

    private long Deadline(TimeSpan patience) => patience == Timeout.InfiniteTimeSpan ? long.MaxValue : _loop.Now + (long)(patience.TotalSeconds * _loop.Time.TimestampFrequency);

    private static void Finish(Readiness what, ref long ends, int result)
    {
        if (!what.IsWaiting) return;
        ends = long.MaxValue;
        what.Complete(result);
    }

    private void GoOnReceiving()
    {
        if (_onlyReadiness)
        {
            Finish(_in, ref _inEnds, 0);
            return;
        }
        var count = Receive(_into.Span);
        if (count == -(int)Errno.TryAgain) return;
        _into = default;
        Finish(_in, ref _inEnds, count);
    }

    private void GoOnSending()
    {
        if (_isConnecting)
        {
            int error = 0;
            uint length = sizeof(int);
            _ = Libc.GetOption(_descriptor, LevelSocket, OptionError, &error, &length);
            _isConnecting = false;
            Finish(_out, ref _outEnds, -error);
            return;
        }
        var result = Send(_from.Span);
        if (result == -(int)Errno.TryAgain) return;
        _from = default;
        Finish(_out, ref _outEnds, result);
    }

    private int Receive(Span<byte> into)
    {
        nint count;
        fixed (byte* data = into) count = Libc.Receive(_descriptor, data, (nuint)into.Length, 0);
        if (count < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == (int)Errno.TryAgain) _mayRead = false;
            return -error;
        }
        // Less than was asked for: the rest will come with an event of its own, so the kernel need not be asked whether there is any.
        if (count < into.Length && !HasHungUp) _mayRead = false;
        return (int)count;
    }

    private int Send(ReadOnlySpan<byte> from)
    {
        while (_sent < from.Length)
        {
            nint count;
            fixed (byte* data = from) count = Libc.Send(_descriptor, data + _sent, (nuint)(from.Length - _sent), Libc.NoSignal);
            if (count < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error == (int)Errno.TryAgain) _mayWrite = false;
                return -error;
            }
            _sent += (int)count;
        }
        return from.Length;
    }

    private static ushort NativeFamily(AddressFamily family) => family == AddressFamily.InterNetworkV6 ? (ushort)10 : (ushort)2;
}
