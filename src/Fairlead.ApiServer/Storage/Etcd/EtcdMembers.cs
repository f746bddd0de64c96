using Fairlead.Kube.Grpc;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>
/// The members of one etcd cluster. All calls go to one of them, so that what was written is seen by the watch without delay, until a
/// call to it fails; then all go to the next.
/// </summary>
internal sealed class EtcdMembers : IDisposable
{
    private readonly Lock _lock = new();
    private readonly (Uri Server, GrpcChannel Channel)[] _members;
    private readonly TimeSpan _timeout;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private CancellationTokenSource _turn = new();
    private int _current;

    public EtcdMembers(EtcdOptions options, ILogger log, TimeProvider time)
    {
        _members = [.. options.Servers.Select(server => (server, GrpcChannel.Of(server, "fairlead", server.Scheme == "https" ? options.Tls() : null)))];
        _timeout = options.CallTimeout;
        _log = log;
        _time = time;
    }

    public int Count => _members.Length;

    public string Names => string.Join(", ", _members.Select(member => member.Server.Authority));

    /// <summary>One attempt at the member of this moment.</summary>
    /// <exception cref="GrpcException">DeadlineExceeded after the time-out; otherwise what the member or the connection said.</exception>
    public async Task<byte[]> CallAsync(string method, byte[] request, CancellationToken cancel)
    {
        var current = Volatile.Read(ref _current);
        using var patience = new CancellationTokenSource(_timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            return await _members[current].Channel.CallAsync(method, request, either.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            Leave(current, "it does not answer in time");
            throw new GrpcException(GrpcCode.DeadlineExceeded, $"{_members[current].Server.Authority} does not answer in time", e);
        }
        catch (GrpcException e) when (IsUnsure(e))
        {
            Leave(current, e.Message);
            throw;
        }
    }

    /// <summary>A call that stays open. Its token is cancelled when the member is left, or by the one given.</summary>
    public (GrpcStream Stream, CancellationTokenSource Stop, int Member) Open(string method, CancellationToken cancel)
    {
        lock (_lock)
        {
            var stop = CancellationTokenSource.CreateLinkedTokenSource(_turn.Token, cancel);
            return (_members[_current].Channel.Open(method, stop.Token), stop, _current);
        }
    }

    /// <summary>Goes on to the next member, if it is still this one's turn. Of one member alone, streams are opened anew.</summary>
    public void Leave(int member, string why)
    {
        CancellationTokenSource before;
        lock (_lock)
        {
            if (member != _current) return;
            _current = (_current + 1) % _members.Length;
            before = _turn;
            if (_members.Length == 1) return;
            _turn = new CancellationTokenSource();
        }
        EtcdLog.Left(_log, _members[member].Server.Authority, why, _members[_current].Server.Authority);
        // Not under the lock, and not by this thread: what hangs on it may want to open a stream.
        _ = before.CancelAsync();
    }

    /// <summary>Whether the call may have had its effect in spite of the failure; others are the cluster's own word that it had none.</summary>
    public static bool IsUnsure(GrpcException e) =>
        e.Code is GrpcCode.Unavailable or GrpcCode.DeadlineExceeded or GrpcCode.Unknown or GrpcCode.Internal or GrpcCode.Canceled or GrpcCode.Aborted;

    /// <summary>Whether it cannot have had any, because there was nobody to send it to.</summary>
    public static bool IsUnsent(GrpcException e) => e.InnerException is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError or HttpRequestError.NameResolutionError };

    public void Dispose()
    {
        foreach (var (_, channel) in _members) channel.Dispose();
        _turn.Dispose();
    }
}
