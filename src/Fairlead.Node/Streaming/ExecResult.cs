using System.Globalization;
using System.Text;
using Fairlead.Kube.Json;
using k8s.Models;

namespace Fairlead.Node.Streaming;

/// <summary>How an exec ended, as its last message tells (kubernetes/kubernetes, remotecommand: NonZeroExitCode and ExitCode causes).</summary>
internal static class ExecResult
{
    /// <summary>Null: nothing is sent (older protocols, success).</summary>
    public static byte[]? Exited(int code, bool hasStatus)
    {
        if (code == 0) return hasStatus ? KubeJson.Serialize(new V1Status { Metadata = new V1ListMeta(), Status = "Success" }) : null;
        var text = code.ToString(CultureInfo.InvariantCulture);
        var message = $"command terminated with non-zero exit code: command terminated with exit code {text}";
        if (!hasStatus) return Encoding.UTF8.GetBytes(message);
        return KubeJson.Serialize(new V1Status
        {
            Metadata = new V1ListMeta(),
            Status = "Failure",
            Message = message,
            Reason = "NonZeroExitCode",
            Details = new V1StatusDetails { Causes = [new V1StatusCause { Reason = "ExitCode", Message = text }] },
        });
    }

    /// <param name="message">What failed, and why.</param>
    public static byte[] NotStarted(string message, bool hasStatus)
    {
        if (!hasStatus) return Encoding.UTF8.GetBytes(message);
        return KubeJson.Serialize(new V1Status
        {
            Metadata = new V1ListMeta(),
            Status = "Failure",
            Message = $"Internal error occurred: {message}",
            Reason = "InternalError",
            Details = new V1StatusDetails { Causes = [new V1StatusCause { Message = message }] },
            Code = 500,
        });
    }
}
