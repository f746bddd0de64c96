using System.Net;
using k8s.Models;

namespace Fairlead.Kube.Client;

/// <summary>The API server's refusal: its HTTP code and, where it sent one, its Status.</summary>
public sealed class KubeApiException(HttpStatusCode code, string message, V1Status? status = null) : Exception(message)
{
    public HttpStatusCode Code { get; } = code;
    public V1Status? Status { get; } = status;

    /// <summary>Kubernetes' machine-readable reason, for example <c>AlreadyExists</c>; null if the answer was no Status.</summary>
    public string? Reason => Status?.Reason;

    public bool IsNotFound => Code == HttpStatusCode.NotFound;
    public bool IsConflict => Code == HttpStatusCode.Conflict && Reason != "AlreadyExists";
    public bool IsAlreadyExists => Code == HttpStatusCode.Conflict && Reason == "AlreadyExists";

    /// <summary>A resource version too old to watch or to continue from; list anew.</summary>
    public bool IsGone => Code == HttpStatusCode.Gone;
}
