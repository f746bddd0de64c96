using Fairlead.ApiServer;
using Fairlead.ApiServer.Storage;
using Fairlead.Kube.Client;
using Fairlead.Linux;

namespace Fairlead.Terminal;

/// <summary>Something that the user can mend; the message says in one line what and how.</summary>
internal sealed class UserException(string message) : Exception(message);

/// <summary>Where failures of a command become one line and an exit code.</summary>
internal static class Failures
{
    public static async Task<int> RunAsync(Func<Task<int>> command)
    {
        try
        {
            return await command();
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
        catch (Exception e) when (Explain(e) is { } line)
        {
            await Console.Error.WriteLineAsync($"fairlead: {line}");
            return 1;
        }
    }

    private static string? Explain(Exception e) => e switch
    {
        UserException or StoreException or KubeClientConfigurationException or ApiServerOptionsException => e.Message,
        KubeApiException refusal => $"the API server refused: {refusal.Message}",
        HttpRequestException => $"the API server is out of reach ({e.Message}); `fairlead status` tells whether the cluster runs",
        LinuxException => $"the kernel refused: {e.Message}",
        UnauthorizedAccessException => $"{e.Message} Run as root.",
        IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException } => $"{e.Message}; stop what listens there, or choose another port",
        IOException => e.Message,
        _ => null,
    };
}
