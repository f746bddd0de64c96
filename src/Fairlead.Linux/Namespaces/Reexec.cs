using System.Collections;
using Fairlead.Linux.Processes;
using Fairlead.Linux.Syscalls;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Namespaces;

/// <summary>Replaces the whole process by a new one inside other namespaces.</summary>
public static class Reexec
{
    /// <summary>
    /// Runs a program in place of this one, same process id, in the namespaces kept at the paths. Returns only by throwing.
    /// The kernel lets the thread that calls execve become the process, with the namespaces that this thread has entered.
    /// </summary>
    /// <param name="networkNamespace">Path of the network namespace, or null to stay.</param>
    /// <param name="utsNamespace">Path of the UTS namespace, or null to stay.</param>
    /// <param name="arguments">Arguments after the program's name.</param>
    /// <param name="environment">Variables set on top of this process's own.</param>
    /// <param name="program">The program; null: this one (/proc/self/exe).</param>
    public static void Execute(
        string? networkNamespace,
        string? utsNamespace,
        IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null,
        string? program = null) =>
        NetworkNamespace.OnFreshThread(() =>
        {
            Enter(networkNamespace, Libc.NewNetwork);
            Enter(utsNamespace, Libc.NewUts);
            Replace(program ?? "/proc/self/exe", [program ?? Environment.ProcessPath ?? "self", .. arguments], environment);
        });

    private static void Enter(string? path, int kind)
    {
        if (path is null)
        {
            return;
        }
        int descriptor = Libc.Open(path, Libc.CloseOnExec, 0);
        if (descriptor < 0)
        {
            throw LinuxException.Last($"open namespace {path}");
        }
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Libc.SetNamespace(handle, kind) < 0)
        {
            throw LinuxException.Last($"enter namespace {path}");
        }
    }

    private static unsafe void Replace(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        using var path = new NativeStrings([program]);
        using var argumentList = new NativeStrings(arguments);
        using var variables = new NativeStrings(MergeEnvironment(environment));
        // The mask is inherited by the new program, and the runtime may have blocked signals on this thread.
        byte* none = stackalloc byte[128];
        byte* before = stackalloc byte[128];
        _ = Libc.SignalSetEmpty(none);
        _ = Libc.SignalMask(2, none, before);
        _ = Libc.Execute(path.First, argumentList.Pointer, variables.Pointer);
        LinuxException failure = LinuxException.Last($"execute {program}");
        _ = Libc.SignalMask(2, before, null);
        throw failure;
    }

    internal static IEnumerable<string> MergeEnvironment(IReadOnlyDictionary<string, string>? changes)
    {
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            if (entry.Key is string name && changes?.ContainsKey(name) != true)
            {
                yield return $"{name}={entry.Value}";
            }
        }
        foreach ((string name, string value) in changes ?? new Dictionary<string, string>())
        {
            yield return $"{name}={value}";
        }
    }
}
