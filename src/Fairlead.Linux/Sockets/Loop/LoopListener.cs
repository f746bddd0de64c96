using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Sockets.Loop;

/// <summary>Accepts connections on a thread of its own, and hands each out: to the loop that has least to do, say.</summary>
public sealed unsafe class LoopListener : IDisposable
{
    private const int MaxName = 28;
    private const int Backlog = 4096;
    private static readonly TimeSpan BetweenFailures = TimeSpan.FromMilliseconds(5);
    private readonly Socket _socket;
    private readonly Action<int, IPEndPoint> _accepted;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _stopped = new();

    /// <param name="accepted">Descriptor, which is its own from then on, and address of the client.</param>
    /// <exception cref="SocketException">The address cannot be listened at.</exception>
    public LoopListener(IPEndPoint address, Action<int, IPEndPoint> accepted)
    {
        _accepted = accepted;
        _socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // As every server does: the wildcard of IPv6 is that of IPv4, too.
            if (address.Address.Equals(IPAddress.IPv6Any)) _socket.DualMode = true;
            _socket.Bind(address);
            _socket.Listen(Backlog);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
        LocalEndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        _thread = new Thread(Run) { IsBackground = true, Name = $"accept {LocalEndPoint}" };
        _thread.Start();
    }

    public IPEndPoint LocalEndPoint { get; }

    /// <summary>Listens no more.</summary>
    public void Dispose()
    {
        if (_stopped.IsSet) return;
        _stopped.Set();
        // Wakes the thread that waits in accept(2); a close alone would not.
        _ = Libc.Shutdown((int)_socket.SafeHandle.DangerousGetHandle(), 2);
        _thread.Join();
        _socket.Dispose();
    }

    private void Run()
    {
        var listening = (int)_socket.SafeHandle.DangerousGetHandle();
        var name = stackalloc byte[MaxName];
        while (!_stopped.IsSet)
        {
            uint length = MaxName;
            var descriptor = Libc.Accept(listening, name, &length, Libc.NonBlocking | Libc.CloseOnExec);
            if (descriptor >= 0) _accepted(descriptor, Name(name));
            // A client that has gone again is no matter; without descriptors, those that are there must end first.
            else _stopped.Wait(BetweenFailures);
        }
    }

    private static IPEndPoint Name(byte* name)
    {
        var port = (name[2] << 8) | name[3];
        if (*(ushort*)name == 2) return new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(name + 4, 4)), port);
        var address = new IPAddress(new ReadOnlySpan<byte>(name + 8, 16));
        return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
    }
}
