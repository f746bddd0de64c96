using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Processes;

/// <summary>The environment that native libraries of this process read (setenv(3)); .NET keeps a copy of its own.</summary>
public static class NativeEnvironment
{
    /// <summary>Sets a variable for native libraries alone: neither this program's own code nor processes that it starts see it. Not safe beside other threads.</summary>
    public static void Set(string name, string value)
    {
        // From its first change on, .NET works on its copy, which is also what started processes get.
        Environment.SetEnvironmentVariable(name, Environment.GetEnvironmentVariable(name));
        if (Libc.SetEnvironment(name, value, overwrite: 1) != 0) throw LinuxException.Last($"setenv {name}");
    }
}
