using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Fairlead.Linux.Processes;
using Fairlead.Linux.Syscalls;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.DBus;

/// <summary>
/// A client of a bus: calls methods and hears signals. It serves no objects of its own (https://dbus.freedesktop.org/doc/dbus-specification.html).
/// </summary>
public sealed class DBusConnection : IDisposable
{
    private const string Bus = "org.freedesktop.DBus", BusPath = "/org/freedesktop/DBus";
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentDictionary<uint, TaskCompletionSource<DBusMessage>> _calls = new();
    private readonly Channel<DBusMessage> _signals = Channel.CreateUnbounded<DBusMessage>();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly List<SafeFileHandle> _handles = [];
    private uint _serial;
    private volatile Exception? _ended;

    private DBusConnection()
    {
    }

    /// <summary>Signals that this client has asked for; it fails when the connection ends.</summary>
    public ChannelReader<DBusMessage> Signals => _signals.Reader;

    /// <exception cref="SocketException">Nobody listens there.</exception>
    /// <exception cref="DBusException">The bus does not let this process in.</exception>
    public static async Task<DBusConnection> OpenAsync(UnixDomainSocketEndPoint address, CancellationToken cancellation)
    {
        var connection = new DBusConnection();
        try
        {
            await connection._socket.ConnectAsync(address, cancellation).ConfigureAwait(false);
            await connection.AuthenticateAsync(cancellation).ConfigureAwait(false);
            _ = connection.ReadAsync();
            await connection.CallAsync(Bus, BusPath, Bus, "Hello", null, cancellation).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Asks for the signals of a rule, for example <c>type='signal',member='PrepareForShutdown'</c>.</summary>
    public Task SubscribeAsync(string rule, CancellationToken cancellation) => CallAsync(Bus, BusPath, Bus, "AddMatch", new DBusBody().Add(rule), cancellation);

    /// <summary>Calls a method and waits for what it returns.</summary>
    /// <exception cref="DBusException">It was refused, or the connection has ended.</exception>
    public async Task<DBusMessage> CallAsync(string destination, string path, string ofInterface, string member, DBusBody? body, CancellationToken cancellation)
    {
        uint serial = Interlocked.Increment(ref _serial);
        var message = new DBusMessage { Type = DBusMessageType.Call, Serial = serial, Destination = destination, Path = path, Interface = ofInterface, Member = member };
        var answer = new TaskCompletionSource<DBusMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[serial] = answer;
        try
        {
            await SendAsync(message.Write(body), cancellation).ConfigureAwait(false);
            if (_ended is { } ended)
            {
                throw ended;
            }
            DBusMessage got = await answer.Task.WaitAsync(cancellation).ConfigureAwait(false);
            return got.Type == DBusMessageType.Return ? got : throw new DBusException($"{member}: {Words(got)}");
        }
        finally
        {
            _calls.TryRemove(serial, out _);
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _sending.Dispose();
    }

    private static string Words(DBusMessage error)
    {
        if (!error.Signature.StartsWith('s'))
        {
            return error.ErrorName ?? "refused";
        }
        return $"{error.ErrorName}: {new DBusReader(error.Body.Span).ReadString()}";
    }

    /// <summary>The bus knows by the socket who we are (D-Bus specification, "Authentication Protocol", EXTERNAL).</summary>
    private async Task AuthenticateAsync(CancellationToken cancellation)
    {
        string user = Convert.ToHexString(Encoding.ASCII.GetBytes(Libc.GetEffectiveUser().ToString(CultureInfo.InvariantCulture)));
        await AskAsync($"\0AUTH EXTERNAL {user}\r\n", "OK ", cancellation).ConfigureAwait(false);
        await AskAsync("NEGOTIATE_UNIX_FD\r\n", "AGREE_UNIX_FD", cancellation).ConfigureAwait(false);
        await SendAsync("BEGIN\r\n"u8.ToArray(), cancellation).ConfigureAwait(false);
    }

    private async Task AskAsync(string line, string expected, CancellationToken cancellation)
    {
        const int LongestLine = 1024;
        await SendAsync(Encoding.ASCII.GetBytes(line), cancellation).ConfigureAwait(false);
        var answer = new StringBuilder();
        byte[] next = new byte[1];
        while (!answer.ToString().EndsWith("\r\n", StringComparison.Ordinal))
        {
            if (answer.Length > LongestLine || await _socket.ReceiveAsync(next, cancellation).ConfigureAwait(false) == 0)
            {
                throw new DBusException("the bus does not answer as one");
            }
            answer.Append((char)next[0]);
        }
        if (!answer.ToString().StartsWith(expected, StringComparison.Ordinal))
        {
            throw new DBusException($"the bus refuses this process: {answer.ToString().TrimEnd()}");
        }
    }

    private async Task SendAsync(byte[] bytes, CancellationToken cancellation)
    {
        await _sending.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            for (int sent = 0; sent < bytes.Length;)
            {
                // Not cancelled half way: the stream would be of no use any more.
                sent += await _socket.SendAsync(bytes.AsMemory(sent), CancellationToken.None).ConfigureAwait(false);
            }
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task ReadAsync()
    {
        Exception end = new DBusException("the bus has ended the connection");
        byte[] buffer = new byte[4096];
        int filled = 0;
        try
        {
            while (true)
            {
                if (filled == buffer.Length)
                {
                    Array.Resize(ref buffer, buffer.Length * 2);
                }
                int count = await DescriptorPassing.ReceiveAsync(_socket, buffer.AsMemory(filled), _handles, CancellationToken.None).ConfigureAwait(false);
                if (count == 0)
                {
                    break;
                }
                filled += count;
                int used = Deliver(buffer.AsSpan(0, filled));
                buffer.AsSpan(used, filled - used).CopyTo(buffer);
                filled -= used;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            end = e as DBusException ?? new DBusException($"the connection to the bus has ended: {e.Message}");
        }
        End(end);
    }

    private void End(Exception end)
    {
        _ended = end;
        foreach (TaskCompletionSource<DBusMessage> call in _calls.Values)
        {
            call.TrySetException(end);
        }
        _signals.Writer.TryComplete(end);
        _handles.ForEach(handle => handle.Dispose());
    }

    /// <summary>Hands on the whole messages, and answers how many bytes they took.</summary>
    private int Deliver(ReadOnlySpan<byte> bytes)
    {
        int used = 0;
        while (DBusMessage.Measure(bytes[used..]) is > 0 and var length && length <= bytes.Length - used)
        {
            Deliver(DBusMessage.Parse(bytes.Slice(used, length)));
            used += length;
        }
        return used;
    }

    private void Deliver(DBusMessage message)
    {
        if (message.HandleCount > _handles.Count)
        {
            throw new DBusException("a message lacks its descriptors");
        }
        int count = (int)message.HandleCount;
        message = message with { Handles = _handles.GetRange(0, count) };
        _handles.RemoveRange(0, count);
        bool isTaken = message.Type == DBusMessageType.Signal
            ? _signals.Writer.TryWrite(message)
            : _calls.TryGetValue(message.ReplySerial, out TaskCompletionSource<DBusMessage>? call) && call.TrySetResult(message);
        if (isTaken)
        {
            return;
        }
        // Nobody waits for it any more.
        foreach (SafeFileHandle handle in message.Handles)
        {
            handle.Dispose();
        }
    }
}
