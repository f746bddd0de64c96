using System.Threading.Channels;
using Fairlead.ApiServer.HTTP;
using Fairlead.Kube.Health;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Security.Audit;

/// <summary>
/// Writes events of audit.k8s.io/v1, a line each. A request waits for room in the queue, not for the disk; a line that cannot be written
/// is counted and told of, and the request goes on (kube-apiserver's --audit-log-mode=blocking but for the wait).
/// </summary>
internal sealed class AuditLog : IAsyncDisposable
{
    private const int Waiting = 10_000;

    private readonly AuditPolicy _policy;
    private readonly RotatingFile? _file;
    private readonly Stream? _output;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Channel<byte[]> _lines = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(Waiting) { SingleReader = true });
    private readonly Task _writer;
    private readonly long[] _levels = new long[Enum.GetValues<AuditLevel>().Length];
    private long _events, _failures;
    private string? _failure;

    private AuditLog(AuditPolicy policy, RotatingFile? file, Stream? output, ILogger log, TimeProvider time)
    {
        (_policy, _file, _output, _log, _time) = (policy, file, output, log, time);
        _writer = Task.Run(WriteAsync);
    }

    /// <exception cref="ApiServerOptionsException">The policy is wrong, or the file cannot be opened.</exception>
    public static AuditLog Open(AuditOptions options, ILogger log, TimeProvider time)
    {
        var policy = AuditPolicyFile.Read(options.PolicyFile);
        if (options.LogPath == "-") return new AuditLog(policy, null, Console.OpenStandardOutput(), log, time);
        try
        {
            var file = new RotatingFile(options.LogPath, options.MaxSize * 1_000_000L, options.MaxBackups, options.MaxAge, time);
            return new AuditLog(policy, file, null, log, time);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ApiServerOptionsException($"--audit-log-path {options.LogPath} cannot be written: {e.Message}");
        }
    }

    /// <summary>Begins to write down a request, where the policy says so; what follows of it finds the trail in its context.</summary>
    /// <param name="user">Null: nobody, because the credentials are wrong.</param>
    public async ValueTask BeginAsync(HttpContext context, ApiRequest request, User? user)
    {
        var decision = _policy.Decide(user, request);
        Interlocked.Increment(ref _levels[(int)decision.Level]);
        if (decision.Level == AuditLevel.None) return;
        var trail = new AuditTrail(context, request, user, decision, _time.GetUtcNow());
        context.Features.Set(trail);
        await WriteAsync(trail, AuditStage.RequestReceived);
        if (request.Lasts) context.Response.OnStarting(() => WriteAsync(trail, AuditStage.ResponseStarted).AsTask());
        else if (decision.Level == AuditLevel.RequestResponse) trail.ListenToTheAnswer();
    }

    /// <summary>The request has been answered.</summary>
    public ValueTask EndAsync(HttpContext context) =>
        context.Features.Get<AuditTrail>() is { } trail ? WriteAsync(trail, AuditStage.ResponseComplete) : default;

    public void Write(PrometheusText text)
    {
        text.Metric("apiserver_audit_event_total", "counter", "Audit events written.");
        text.Sample("apiserver_audit_event_total", "", Interlocked.Read(ref _events));
        text.Metric("apiserver_audit_error_total", "counter", "Audit events that could not be written.");
        text.Sample("apiserver_audit_error_total", "plugin=\"log\"", Interlocked.Read(ref _failures));
        text.Metric("apiserver_audit_level_total", "counter", "Requests by the level at which they are written down.");
        foreach (var level in Enum.GetValues<AuditLevel>()) text.Sample("apiserver_audit_level_total", $"level=\"{level}\"", Interlocked.Read(ref _levels[(int)level]));
    }

    /// <summary>What is in the queue is written first.</summary>
    public async ValueTask DisposeAsync()
    {
        _lines.Writer.TryComplete();
        await _writer;
        _file?.Dispose();
    }

    private async ValueTask WriteAsync(AuditTrail trail, AuditStage stage)
    {
        if (trail.Decision.OmittedStages.Contains(stage)) return;
        var line = trail.Event(stage, _time.GetUtcNow());
        if (_lines.Writer.TryWrite(line)) return;
        try
        {
            await _lines.Writer.WriteAsync(line);
        }
        catch (ChannelClosedException)
        {
            // The server is ending.
            Interlocked.Increment(ref _failures);
        }
    }

    private async Task WriteAsync()
    {
        var reader = _lines.Reader;
        while (await reader.WaitToReadAsync())
        {
            while (reader.TryRead(out var line)) Try(() => Append(line), 1);
            Try(Flush, 0);
        }
    }

    private void Append(byte[] line)
    {
        if (_file is not null) _file.Write(line);
        else _output!.Write(line);
        Interlocked.Increment(ref _events);
    }

    private void Flush()
    {
        _file?.Flush();
        _output?.Flush();
        _failure = null;
    }

    private void Try(Action write, int lines)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            Interlocked.Add(ref _failures, lines);
            // Once, not a line of log for a line of audit.
            if (_failure != e.Message) AuditLogMessages.NotWritten(_log, e.Message);
            _failure = e.Message;
        }
    }
}

internal static partial class AuditLogMessages
{
    [LoggerMessage(5120, LogLevel.Error, "the audit log cannot be written: {Reason}")]
    public static partial void NotWritten(ILogger log, string reason);
}
