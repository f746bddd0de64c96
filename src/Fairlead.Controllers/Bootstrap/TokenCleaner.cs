using System.Globalization;
using System.Text;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.Bootstrap;

/// <summary>Deletes bootstrap tokens when their time is over (Kubernetes documentation: "Authenticating with Bootstrap Tokens").</summary>
internal sealed class TokenCleaner : KeyedController<ObjectKey>
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);
    private readonly Informer<V1Secret, Token> _tokens;
    private readonly KubeClient _client;
    private readonly TimeProvider _time;

    public TokenCleaner(ControllerContext context)
        : base("tokencleaner", workers: 1, context.Log("TokenCleaner"), context.Time)
    {
        _client = context.Client;
        _time = context.Time;
        _tokens = new Informer<V1Secret, Token>(
            _client, ApiResources.Secrets, Token.From, Logger, _time, "kube-system", new ListOptions { FieldSelector = "type=bootstrap.kubernetes.io/token" });
        _tokens.Changed += change => Queue.Add(change.Key);
    }

    public override Task RunAsync(CancellationToken cancel) => Task.WhenAll(_tokens.RunAsync(cancel), base.RunAsync(cancel));

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (!_tokens.Items.TryGetValue(key, out var token) || token.End is not { } end) return;
        if (end > _time.GetUtcNow())
        {
            // Timers have an end as well.
            var left = end - _time.GetUtcNow();
            Queue.AddAfter(key, left < LongestWait ? left : LongestWait);
            return;
        }
        if (await _client.DeleteAsync(ApiResources.Secrets, key, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = token.Uid } }, cancel))
            TokenLog.Deleted(Logger, key.Name);
    }

    /// <param name="End">Null: it holds until it is deleted, or says so in a way that cannot be read.</param>
    private sealed record Token(string Uid, DateTimeOffset? End)
    {
        public static Token From(V1Secret secret) => new(
            secret.Metadata.Uid,
            secret.Data is not null && secret.Data.TryGetValue("expiration", out var bytes)
                && DateTimeOffset.TryParse(Encoding.UTF8.GetString(bytes), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var end) ? end : null);
    }
}

internal static partial class TokenLog
{
    [LoggerMessage(3150, LogLevel.Information, "bootstrap token {Secret} has expired and is deleted")]
    public static partial void Deleted(ILogger log, string secret);
}
