using System.Diagnostics;
using System.Text;
using Fairlead.ApiServer.HTTP.Limits;
using Fairlead.ApiServer.HTTP.Proxying;
using Fairlead.ApiServer.HTTP.Tunnels;
using Fairlead.ApiServer.Metrics;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Security.Audit;
using Fairlead.ApiServer.Security.Tokens;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube.Health;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.HTTP;

/// <summary>The way of every request: parse, authenticate, authorize, dispatch; and the one place where a failure becomes an answer.</summary>
internal sealed class ApiHandler(
    Authentication authentication, Authorization authorization, ServiceAccountTokens tokens, KindTable kinds, ObjectCache cache, ResourceHandler resources, Reviews reviews, TokenRequests tokenRequests, NodeStreams streams, ResourceProxy proxy, AgentTunnels tunnels, ResourceMetrics usage, ComponentStatuses components, Discovery discovery, OpenApi openApi, HealthChecks health, RequestLimits limits, AuditLog? audit, ServerMetrics metrics, Freshness freshness, TimeProvider time, ILogger log)
{
    public async Task HandleAsync(HttpContext context)
    {
        var request = ApiRequest.Parse(context.Request.Method, (context.Request.Path.Value ?? "/").TrimEnd('/'), RequestQuery.IsTrue(context, "watch"), kinds);
        var (counts, began) = (metrics.Requests.Began(request), Stopwatch.GetTimestamp());
        var isTimeKnown = RequestQuery.TryTimeout(context, limits.LongestRequest, out var longest);
        using var limit = request.Lasts ? null : TimeLimit.Set(context, longest, time);
        try
        {
            context.Response.Headers["Audit-Id"] = Guid.NewGuid().ToString();
            context.Response.Headers.CacheControl = "no-cache, private";
            if (limit is not null && !isTimeKnown) throw ApiError.BadRequest("invalid timeout specified in the request URL");
            await ServeAsync(context, request);
        }
        catch (OperationCanceledException) when (limit is { IsOver: true })
        {
            // The body does not come, or the answer is not taken.
            RequestMetrics.Terminated(counts, 504);
            limit.Lift();
            if (context.Response.HasStarted) context.Abort();
            else await Answers.WriteErrorAsync(context, ApiError.TimedOut());
        }
        catch (ApiError e) when (!context.Response.HasStarted)
        {
            if (e.Code == 429) RequestMetrics.Terminated(counts, 429);
            await Answers.WriteErrorAsync(context, e);
        }
        catch (StoreException e) when (!context.Response.HasStarted)
        {
            ApiLog.StoreFailed(log, context.Request.Method, context.Request.Path, e.Message);
            await Answers.WriteErrorAsync(context, ApiError.Of(e));
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or Microsoft.AspNetCore.Connections.ConnectionResetException && context.RequestAborted.IsCancellationRequested)
        {
            // The client went away.
        }
        catch (Exception e)
        {
            ApiLog.Failed(log, e, context.Request.Method, context.Request.Path);
            if (context.Response.HasStarted) context.Abort();
            else await Answers.WriteErrorAsync(context, ApiError.Internal(e.Message));
        }
        finally
        {
            RequestMetrics.Ended(counts, context.Response.StatusCode, Stopwatch.GetElapsedTime(began));
            if (audit is not null) await audit.EndAsync(context);
        }
    }

    /// <summary>Who asks, whether there is room for it, whether he may; and then what it is.</summary>
    private async Task ServeAsync(HttpContext context, ApiRequest request)
    {
        var asking = authentication.Authenticate(context);
        if (audit is not null)
        {
            await audit.BeginAsync(context, request, asking);
        }
        var user = Impersonation.Of(context, asking ?? throw ApiError.Unauthorized(), authorization);
        if (!ReferenceEquals(user, asking)) AuditTrail.Of(context)?.Impersonates(user);
        using var stay = await limits.EnterAsync(request, user, context.RequestAborted);
        // Once it is known who asks: strangers do not make this server ask the store.
        await freshness.EnsureAsync(context, request);
        var allowed = authorization.Allows(user, request, context.Request.Query.First("fieldSelector"));
        if (audit is not null) AuditTrail.Of(context)?.Decided(allowed);
        if (!allowed) throw Forbidden(user, request);
        context.Features.Set(user);
        await DispatchAsync(context, request);
    }

    private Task DispatchAsync(HttpContext context, ApiRequest request)
    {
        // Before all that goes by a kind's name alone: these are no pods to exec into.
        if (ResourceMetrics.Serves(request)) return usage.HandleAsync(context, request);
        if (NodeStreams.Serves(request)) return streams.HandleAsync(context, request);
        if (ComponentStatuses.Serves(request)) return components.HandleAsync(context, request);
        if (request.Kind is { Name: "Binding" }) return resources.BindByBodyAsync(context, request);
        if (Reviews.Serves(request)) return reviews.HandleAsync(context, request);
        if (TokenRequests.Serves(request)) return tokenRequests.HandleAsync(context, request);
        if (ResourceProxy.Serves(request)) return proxy.HandleAsync(context, request);
        if (request.Kind is not null) return resources.HandleAsync(context, request);
        if (AgentTunnels.TryParse(request.Path, out var node, out var id)) return tunnels.HandleAsync(context, node, id);
        if (HealthChecks.IsHealthPath(request)) return health.HandleAsync(context, request);
        return request.Path switch
        {
            "/.well-known/openid-configuration" => PublicAsync(context, tokens.Configuration(context.Request.Host.Value ?? ""), Answers.Json),
            ApiRequest.BackupPath when request.Verb == "get" => BackupAsync(context),
            "/openid/v1/jwks" => PublicAsync(context, tokens.KeySet(), "application/jwk-set+json"),
            "/metrics" => Answers.WriteAsync(context, 200, Encoding.UTF8.GetBytes(metrics.Write()), PrometheusText.MediaType),
            "" => Answers.WriteAsync(context, 200, discovery.Paths()),
            "/version" => Answers.WriteAsync(context, 200, ServerVersion.Document()),
            _ => discovery.Handle(context, request.Path) ?? openApi.Handle(context, request.Path) ?? throw ApiError.NoSuchPath(),
        };
    }

    /// <summary>What relying parties fetch to check tokens, and may keep for an hour (OpenID Connect Discovery 1.0).</summary>
    private static Task PublicAsync(HttpContext context, System.Text.Json.Nodes.JsonObject document, string contentType)
    {
        context.Response.Headers.CacheControl = "public, max-age=3600";
        return Answers.WriteAsync(context, 200, Encoding.UTF8.GetBytes(document.ToJsonString()), contentType);
    }

    private Task BackupAsync(HttpContext context)
    {
        context.Response.ContentType = Backup.MediaType;
        return Backup.WriteAsync(context.Response.Body, cache, context.RequestAborted);
    }

    internal static ApiError Forbidden(User user, ApiRequest request)
    {
        // As kube-apiserver: whoever is nobody is asked to say who he is.
        if (user.IsAnonymous) return ApiError.Unauthorized();
        if (request.Kind is not { } kind)
            return new ApiError(403, "Forbidden", $"forbidden: User \"{user.Name}\" cannot {request.Verb} path \"{request.Path}\"", []);
        var resource = request.Subresource.Length > 0 ? $"{kind.Plural}/{request.Subresource}" : kind.Plural;
        var where = request.Namespace.Length > 0 ? $" in the namespace \"{request.Namespace}\"" : " at the cluster scope";
        var name = request.Name.Length > 0 ? $" \"{request.Name}\"" : "";
        return new ApiError(403, "Forbidden",
            $"{kind.QualifiedPlural}{name} is forbidden: User \"{user.Name}\" cannot {request.Verb} resource \"{resource}\" in API group \"{kind.Group}\"{where}");
    }
}

internal static partial class ApiLog
{
    [LoggerMessage(5001, LogLevel.Error, "{Method} {Path}: unexpected failure")]
    public static partial void Failed(ILogger log, Exception e, string method, string path);

    [LoggerMessage(5002, LogLevel.Error, "{Method} {Path}: {Message}")]
    public static partial void StoreFailed(ILogger log, string method, string path, string message);
}
