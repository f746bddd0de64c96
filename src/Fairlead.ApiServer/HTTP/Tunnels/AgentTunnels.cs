using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Fairlead.ApiServer.Resources;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.HTTP.Tunnels;

/// <summary>
/// Ways to nodes that this server cannot reach: an agent keeps a control connection open (<c>/fairlead/nodes/NODE/tunnel</c>), and for each
/// connection that is wanted to its kubelet API it opens one more (<c>/fairlead/nodes/NODE/tunnel/ID</c>), which it joins to the API
/// (docs/decisions/0010). Both are requests that are upgraded; only the node itself may make them.
/// </summary>
internal sealed class AgentTunnels(ILogger log, TimeProvider time)
{
    public const string Protocol = "fairlead-tunnel";
    private const string Prefix = "/fairlead/nodes/";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<string, ControlConnection> _controls = [];
    private readonly ConcurrentDictionary<(string Node, string Id), TaskCompletionSource<Stream>> _wanted = [];

    /// <summary>Whether the path is a tunnel's.</summary>
    /// <param name="id">Of the connection that was asked for; empty for the control connection.</param>
    public static bool TryParse(string path, [NotNullWhen(true)] out string? node, [NotNullWhen(true)] out string? id)
    {
        (node, id) = path.StartsWith(Prefix, StringComparison.Ordinal)
            ? path[Prefix.Length..].Split('/') switch
            {
                [{ Length: > 0 } of, "tunnel"] => (of, ""),
                [{ Length: > 0 } of, "tunnel", { Length: > 0 } named] => (of, named),
                _ => (null, null),
            }
            : (null, null);
        return node is not null;
    }

    /// <summary>A connection to the kubelet API of the node by its agent's tunnel, before TLS; null: it has none.</summary>
    /// <exception cref="IOException">The agent does not answer.</exception>
    public async Task<Stream?> OpenAsync(string node, CancellationToken cancel)
    {
        if (!_controls.TryGetValue(node, out var control)) return null;
        var key = (node, RandomNumberGenerator.GetHexString(32, lowercase: true));
        var coming = new TaskCompletionSource<Stream>(TaskCreationOptions.RunContinuationsAsynchronously);
        _wanted[key] = coming;
        try
        {
            control.Ask(key.Item2);
            return await coming.Task.WaitAsync(Patience, time, cancel);
        }
        catch (TimeoutException)
        {
            throw new IOException($"the agent of node {node} did not open a connection within {Patience.TotalSeconds:F0} s");
        }
        finally
        {
            // Taken up, but by now nobody waits for it: it goes when it comes.
            if (!_wanted.TryRemove(key, out _) && !coming.Task.IsCompleted) _ = DropAsync(coming.Task);
        }
    }

    private static async Task DropAsync(Task<Stream> coming)
    {
        try
        {
            await (await coming).DisposeAsync();
        }
        catch (IOException)
        {
            // Nor did it come.
        }
    }

    public Task HandleAsync(HttpContext context, string node, string id)
    {
        if (context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true } upgrade || context.Request.Headers.Upgrade != Protocol)
            throw ApiError.BadRequest($"an upgrade to {Protocol} is wanted");
        return id.Length == 0 ? HoldAsync(context, upgrade, node) : LendAsync(context, upgrade, node, id);
    }

    private async Task HoldAsync(HttpContext context, IHttpUpgradeFeature upgrade, string node)
    {
        await using var stream = await AcceptAsync(context, upgrade);
        var control = new ControlConnection(stream, context.Connection.ClientCertificate?.NotAfter, time);
        // The newest counts: the one of before may be of a connection that broke without a word.
        _controls[node] = control;
        TunnelLog.Opened(log, node);
        try
        {
            await control.RunAsync(context.RequestAborted);
        }
        finally
        {
            _controls.TryRemove(KeyValuePair.Create(node, control));
            TunnelLog.Closed(log, node);
        }
    }

    private async Task LendAsync(HttpContext context, IHttpUpgradeFeature upgrade, string node, string id)
    {
        if (!_wanted.TryRemove((node, id), out var wanted)) throw new ApiError(404, "NotFound", "nobody waits for this connection any more");
        try
        {
            await using var stream = await AcceptAsync(context, upgrade);
            var lent = new LentStream(stream);
            wanted.SetResult(lent);
            await lent.Returned.WaitAsync(context.RequestAborted);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            wanted.TrySetException(new IOException("the agent's connection broke", e));
        }
    }

    private static async Task<Stream> AcceptAsync(HttpContext context, IHttpUpgradeFeature upgrade)
    {
        context.Response.Headers.Upgrade = Protocol;
        return await upgrade.UpgradeAsync();
    }
}

internal static partial class TunnelLog
{
    [LoggerMessage(5030, LogLevel.Information, "node {Node}: its agent holds a tunnel")]
    public static partial void Opened(ILogger log, string node);

    [LoggerMessage(5031, LogLevel.Information, "node {Node}: its agent's tunnel has ended")]
    public static partial void Closed(ILogger log, string node);
}
