using System.Runtime.CompilerServices;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Commands;

/// <summary>
/// A heap that is collected after every few megabytes. By itself the runtime waits for as many as the processor's cache holds (on servers
/// tens of megabytes), which suits a part that allocates all the time, and not one that hardly does.
/// </summary>
internal static class SmallHeap
{
    /// <summary>Read by the runtime before the first line of the program.</summary>
    private const string Setting = "DOTNET_GCGen0MaxBudget";

    private const string FourMegabytes = "400000";

    /// <summary>Begins this program anew, in the same process, unless the setting is there.</summary>
    public static void Ensure()
    {
        if (RuntimeFeature.IsDynamicCodeSupported || Environment.GetEnvironmentVariable(Setting) is not null) return;
        try
        {
            Reexec.Execute(null, null, Environment.GetCommandLineArgs()[1..], new Dictionary<string, string> { [Setting] = FourMegabytes });
        }
        catch (LinuxException)
        {
            // Where it cannot, it takes more memory.
        }
    }
}
