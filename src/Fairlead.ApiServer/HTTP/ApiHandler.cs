using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.HTTP;

/// <summary>The way of every request: parse, authenticate, authorize, dispatch; and the one place where a failure becomes an answer.</summary>
internal sealed class ApiHandler(
    Authentication authentication, Authorization authorization, KindTable kinds, ResourceHandler resources, NodeStreams streams, Discovery discovery, OpenApi openApi, ILogger log)
{
    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await DispatchAsync(context);
        }
        catch (ApiError e) when (!context.Response.HasStarted)
        {
            await Answers.WriteErrorAsync(context, e);
        }
        catch (StoreException e) when (!context.Response.HasStarted)
        {
            ApiLog.StoreFailed(log, context.Request.Method, context.Request.Path, e.Message);
            await Answers.WriteErrorAsync(context, ApiError.Internal(e.Message));
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
    }

    private Task DispatchAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "/";
        var request = ApiRequest.Parse(context.Request.Method, path.TrimEnd('/'), RequestQuery.IsTrue(context, "watch"), kinds);
        var user = authentication.Authenticate(context) ?? throw ApiError.Unauthorized();
        if (!authorization.Allows(user, request, context.Request.Query["fieldSelector"].ToString())) throw Forbidden(user, request);
        context.Features.Set(user);
        if (NodeStreams.Serves(request)) return streams.HandleAsync(context, request);
        if (request.Kind is not null) return resources.HandleAsync(context, request);
        return request.Path switch
        {
            "/healthz" or "/livez" or "/readyz" => Answers.WriteTextAsync(context, 200, "ok"),
            "/version" => Answers.WriteAsync(context, 200, ServerVersion.Document()),
            _ => discovery.Handle(context, request.Path) ?? openApi.Handle(context, request.Path) ?? throw ApiError.NoSuchPath(),
        };
    }

    private static ApiError Forbidden(User user, ApiRequest request)
    {
        // As kube-apiserver: whoever is nobody is asked to say who he is.
        if (user == User.Anonymous) return ApiError.Unauthorized();
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
