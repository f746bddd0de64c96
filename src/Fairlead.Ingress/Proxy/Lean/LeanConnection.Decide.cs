using System.Globalization;
using System.Runtime.CompilerServices;
using Fairlead.Ingress.Metrics;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Fairlead.Linux.Sockets.Loop;
using Microsoft.AspNetCore.WebUtilities;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>Which way a request goes; answers that no pod gave; the end of an exchange.</summary>
internal sealed partial class LeanConnection
{
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LingerPatience = TimeSpan.FromSeconds(2);
    private const int LongestLinger = 4 * 1024 * 1024;

    /// <summary>False: the connection ends, or is Kestrel's.</summary>
    private ValueTask<bool> DecideAsync(Exchange exchange)
    {
        var request = exchange.Request;
        if (!request.TryName(owner.Authorities, owner.Targets, client, isTls)) return AnswerOverAsync(exchange, 400, null, mustClose: true);
        if (!Rules.Holder.Current.Routes.TryFindSimply(request.Host, request.Target.Path, out var route)) return Declined();
        if (route is null) return AnswerOverAsync(exchange, 404, null);
        if (route.Canary is not null && route.IsLean) route = CanaryChoice.Choose(route, request, Random.Shared.Next);
        if (!route.IsLean) return Declined();
        exchange.Route = route;
        if (Policy.Decide(route, request, Rules.HttpsPort) is { IsFinal: true } decision) return AnswerOverAsync(exchange, decision.Status, decision.Location);
        return ForwardAsync(exchange, route);
    }

    private ValueTask<bool> Declined()
    {
        HandOver();
        return ValueTask.FromResult(false);
    }

    /// <summary>Answers, and is done with the exchange.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> AnswerOverAsync(Exchange exchange, int status, string? location, bool mustClose = false)
    {
        var head = exchange.Request.Head;
        var inBuffer = Math.Min(_end - _start - head.Length, Math.Max(0, head.BodyLength));
        // A body that has come is passed over; one that is still to come is not waited for.
        var hasMore = head.IsChunked || inBuffer < head.BodyLength;
        await AnswerAsync(exchange, status, location, mustClose || hasMore || head.WantsClose || owner.IsStopping);
        Record(exchange);
        _start += head.Length + (int)inBuffer;
        if (!exchange.MustClose) return true;
        await LingerAsync();
        return false;
    }

    /// <summary>A short answer of our own.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> AnswerAsync(Exchange exchange, int status, string? location, bool mustClose)
    {
        exchange.Status = status;
        exchange.HasBegun = true;
        exchange.MustClose |= mustClose;
        var buffer = owner.Buffers.Rent(BufferPool.Large);
        var length = WriteAnswer(buffer, exchange, status, location);
        var result = await SendAsync(buffer.AsMemory(0, length), AnswerPatience);
        owner.Buffers.Return(ref buffer!);
        if (result < 0) exchange.MustClose = true;
        return result;
    }

    private int WriteAnswer(byte[] buffer, Exchange exchange, int status, string? location)
    {
        var reason = ReasonPhrases.GetReasonPhrase(status);
        var text = string.Create(CultureInfo.InvariantCulture, $"{status} {reason}\n");
        var writer = new HeadWriter(buffer);
        writer.Write(string.Create(CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status} {reason}\r\nContent-Length: {text.Length}\r\nContent-Type: text/plain; charset=utf-8\r\nDate: {Rules.Time.GetUtcNow():R}\r\n"));
        if (location is not null)
        {
            writer.Write("Location: "u8);
            writer.Write(location.ReplaceLineEndings(""));
            writer.Write("\r\n"u8);
        }
        if (exchange.MustClose) writer.Write("Connection: close\r\n"u8);
        writer.Write("\r\n"u8);
        if (exchange.Request.Head.State != HeadState.Whole || exchange.Request.Method != "HEAD")
        {
            writer.Write(text);
            exchange.BytesOut = text.Length;
        }
        return writer.Length;
    }

    /// <summary>
    /// Lets a client read what it was told before the connection goes: closing while its bytes are still coming in would break the connection
    /// and may lose the answer (RFC 9112, section 9.6).
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> LingerAsync()
    {
        await SayEndAsync();
        socket.ShutdownSend();
        var buffer = owner.Buffers.Rent();
        var begun = owner.Loop.Now;
        for (long total = 0; total < LongestLinger && Rules.Time.GetElapsedTime(begun, owner.Loop.Now) < LingerPatience;)
        {
            var count = await socket.ReceiveAsync(buffer, LingerPatience);
            if (count <= 0) break;
            total += count;
        }
        owner.Buffers.Return(ref buffer!);
        return true;
    }

    /// <summary>Into the metrics and the log.</summary>
    private void Record(Exchange exchange)
    {
        var request = exchange.Request;
        var took = Rules.Time.GetElapsedTime(exchange.Start);
        exchange.Route?.Metrics.Observe(request.Method, exchange.Status, took.TotalSeconds, exchange.BytesOut);
        if (Rules.Access is not { } access) return;
        var route = exchange.Route;
        access.Write(new AccessEntry(
            Rules.Time.GetUtcNow(), client.ToString(), "", request.Method, request.Target.Raw ?? "", "HTTP/1.1", exchange.Status, exchange.BytesOut, request.ContentLength ?? 0,
            request.Header("Referer") ?? "", request.Header("User-Agent") ?? "", took, request.Host, route?.Backend?.Name, exchange.Endpoint?.Authority, exchange.UpstreamTook, request.Id,
            route?.Ingress.Namespace ?? "", route?.Ingress.Name ?? "", route?.Backend?.Key.Service.Name ?? ""));
    }
}
