using System.Net.Sockets;
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
    /// <summary>Exit status of those that tell by 1 what they found.</summary>
    public const int CouldNotLook = 2;

    /// <param name="failed">Exit status of a failure.</param>
    public static async Task<int> RunAsync(Func<Task<int>> command, int failed = 1)
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
            await Console.Error.WriteLineAsync($"fairlead: {AsTyped.Of(line)}");
            return failed;
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
        SocketException => $"the network refused: {e.Message}; look at the addresses and ports that were given",
        _ => null,
    };
}
