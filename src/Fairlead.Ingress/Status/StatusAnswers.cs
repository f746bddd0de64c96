using Fairlead.Ingress.Metrics;
using Fairlead.Ingress.Routes;
using Fairlead.Kube.Health;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Ingress.Status;

/// <summary>Marks a connection to a listener for status: the other listeners' paths belong to the Ingresses.</summary>
internal sealed class StatusListener
{
    internal static readonly StatusListener Instance = new();
}

/// <summary>/healthz and /metrics. They answer from the moment at which every Ingress is served; before it, nothing listens.</summary>
internal sealed class StatusAnswers(MetricsRegistry metrics, SnapshotHolder holder, RouteSync? sync, string controller)
{
    internal Task AnswerAsync(HttpContext context)
    {
        var response = context.Response;
        response.ContentType = "text/plain; charset=utf-8";
        switch (context.Request.Path.Value)
        {
            case "/healthz" or "/readyz" or "/livez":
                return response.WriteAsync("ok", context.RequestAborted);
            case "/metrics":
                response.ContentType = PrometheusText.MediaType;
                return response.WriteAsync(MetricsText.Write(metrics, holder.Current, sync?.Swaps ?? 0, controller), context.RequestAborted);
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
        }
    }
}
