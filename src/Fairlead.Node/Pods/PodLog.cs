using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Pods;

internal static partial class PodLog
{
    [LoggerMessage(2101, LogLevel.Debug, "pod {Namespace}/{Name}: sandbox made in {Milliseconds:F0} ms")]
    public static partial void SandboxMade(ILogger log, string @namespace, string name, double milliseconds);

    [LoggerMessage(2102, LogLevel.Information, "pod {Namespace}/{Name}: container {Container}, attempt {Attempt}, started in {Milliseconds:F0} ms")]
    public static partial void Started(ILogger log, string @namespace, string name, string container, int attempt, double milliseconds);

    [LoggerMessage(2103, LogLevel.Warning, "pod {Uid}: container {Container} did not stop: {Message}; trying again")]
    public static partial void StopFailed(ILogger log, string uid, string container, string message);

    [LoggerMessage(2104, LogLevel.Information, "pod {Namespace}/{Name}: gone")]
    public static partial void Finished(ILogger log, string @namespace, string name);

    [LoggerMessage(2105, LogLevel.Information, "pod {Uid}: removed what was left of it; the API no longer has it")]
    public static partial void OrphanRemoved(ILogger log, string uid);

    [LoggerMessage(2106, LogLevel.Warning, "pod {Namespace}/{Name}: container {Container}: {Hook} hook failed: {Message}")]
    public static partial void HookFailed(ILogger log, string @namespace, string name, string container, string hook, string message);
}
